/* The boundary between the worker and a runtime module (libmillrace_torch.so): plain C, so that neither libtorch's
 * types nor its exceptions nor its C++ library cross it. The module exports one function:
 *
 *     const mr_runtime* millrace_runtime(void);
 *
 * Every function returns MR_OK or another mr_code; on failure `error` (error_size > 0) holds text that ends in 0.
 * Models may be run by several threads at once; load and free exclude each other and nothing else. */
#ifndef MILLRACE_RUNTIME_ABI_H
#define MILLRACE_RUNTIME_ABI_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MR_ABI_VERSION 1u /* raised when anything below changes its meaning */
#define MR_MAX_RANK 8

typedef enum mr_code {
    MR_OK = 0,
    MR_FAILED = 1,        /* the model or the file is at fault */
    MR_OUT_OF_MEMORY = 2, /* a smaller batch may pass */
    MR_INVALID = 3        /* the caller is at fault: a shape or type that cannot be */
} mr_code;

/* The numbers are those of model::Datatype. */
typedef struct mr_tensor {
    uint32_t datatype;
    uint32_t rank;
    int64_t shape[MR_MAX_RANK];
    const void* data; /* contiguous, row-major; owned by the caller for inputs, by the result for outputs */
    uint64_t bytes;
} mr_tensor;

typedef struct mr_model mr_model;
typedef struct mr_result mr_result;

typedef enum mr_optimization { MR_PLAIN = 0, MR_FROZEN = 1, MR_OPTIMIZED = 2 } mr_optimization;

typedef struct mr_load_report {
    uint32_t optimization; /* what is used: the furthest step whose outputs equal the plain model's */
    char note[256];        /* why not further; empty when it is MR_OPTIMIZED */
} mr_load_report;

typedef struct mr_runtime {
    uint32_t abi_version;
    uint32_t struct_size;
    const char* (*version)(void); /* "libtorch 2.13.0" */
    const char* (*device)(void);  /* "cpu" */

    /* Threads of one forward pass; called once by each thread that will run models, before anything else there. */
    mr_code (*prepare_thread)(int32_t threads, char* error, uint64_t error_size);

    /* `bytes` is a TorchScript file, borrowed for the call. `probe`: one input (batch included) with which the
     * optimised forms are compared; null skips optimisation. */
    mr_code (*load)(const void* bytes, uint64_t size, const mr_tensor* probe, mr_model** model, mr_load_report* report,
                    char* error, uint64_t error_size);
    void (*free_model)(mr_model*);

    mr_code (*forward)(mr_model*, const mr_tensor* inputs, uint32_t input_count, mr_result** result, char* error,
                       uint64_t error_size);
    uint32_t (*result_count)(const mr_result*);
    const mr_tensor* (*result_tensor)(const mr_result*, uint32_t index); /* valid until free_result */
    void (*free_result)(mr_result*);

    void (*release_memory)(void); /* gives cached memory back to the system or device */
} mr_runtime;

typedef const mr_runtime* (*mr_entry)(void);
#define MR_ENTRY_NAME "millrace_runtime"

#ifdef __cplusplus
}
#endif
#endif
