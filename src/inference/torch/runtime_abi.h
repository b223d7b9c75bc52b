/* The boundary between the worker and a runtime module (libmillrace_torch.so): plain C, so that neither libtorch's
 * types nor its exceptions nor its C++ library cross it. The module exports one function:
 *
 *     const mr_runtime* millrace_runtime(void);
 *
 * Every function that returns an mr_code leaves text that ends in 0 in `error` (error_size > 0) when it is not MR_OK.
 * Models may be run by several threads at once; load and free exclude each other and nothing else. */
#ifndef MILLRACE_RUNTIME_ABI_H
#define MILLRACE_RUNTIME_ABI_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MR_ABI_VERSION 3u /* raised when anything below changes its meaning */
#define MR_MAX_RANK 8

typedef enum mr_code {
    MR_OK = 0,
    MR_FAILED = 1,        /* the model or the file is at fault */
    MR_OUT_OF_MEMORY = 2, /* a smaller batch may pass */
    MR_INVALID = 3,       /* the caller is at fault: a shape or type that cannot be */
    MR_DEVICE_LOST = 4    /* the device is unusable until the process is started again */
} mr_code;

/* The numbers are those of model::Datatype. */
typedef struct mr_tensor {
    uint32_t datatype;
    uint32_t rank;
    int64_t shape[MR_MAX_RANK];
    const void* data; /* contiguous, row-major, in the process's memory; owned by the caller for inputs, by the result for outputs */
    uint64_t bytes;
} mr_tensor;

typedef struct mr_model mr_model;
typedef struct mr_result mr_result;

typedef enum mr_precision { MR_FP32 = 0, MR_BF16 = 1 } mr_precision;

typedef struct mr_load_options {
    uint32_t precision;     /* mr_precision: tried, and kept when the outputs stay within `tolerance` */
    uint32_t channels_last; /* the same for four-dimensional inputs */
    double tolerance;       /* of the largest absolute output of the plain model */
} mr_load_options;

/* Each step is kept only if the outputs equal the plain model's, for bfloat16 and channels_last within the tolerance. */
typedef enum mr_optimization { MR_PLAIN = 0, MR_FROZEN = 1, MR_OPTIMIZED = 2, MR_COMPILED = 3 } mr_optimization;

typedef struct mr_load_report {
    uint32_t optimization; /* mr_optimization; MR_COMPILED: an AOTInductor package */
    uint32_t precision;    /* what is used */
    uint32_t channels_last;
    char note[256];        /* why not more; empty when all that was asked for is used */
} mr_load_report;

typedef struct mr_memory {
    uint64_t used, total;  /* bytes of the device; 0: it is the process's own memory */
} mr_memory;

typedef struct mr_runtime {
    uint32_t abi_version;
    uint32_t struct_size;
    const char* (*version)(void); /* "libtorch 2.13.0" */

    /* "cpu" or "cuda:N", once a process, before anything else but version(): the device of all models. */
    mr_code (*open_device)(const char* device, char* error, uint64_t error_size);

    /* Threads of the forward passes that the calling thread makes from now on. */
    mr_code (*set_threads)(int32_t threads, char* error, uint64_t error_size);

    /* `bytes` is a TorchScript file or an AOTInductor package, borrowed for the call. `inputs`: one call's arguments (batch
     * included) with which the faster forms are compared; none skips optimisation. */
    mr_code (*load)(const void* bytes, uint64_t size, const mr_tensor* inputs, uint32_t input_count,
                    const mr_load_options* options, mr_model** model, mr_load_report* report, char* error,
                    uint64_t error_size);
    void (*free_model)(mr_model*);

    mr_code (*forward)(mr_model*, const mr_tensor* inputs, uint32_t input_count, mr_result** result, char* error,
                       uint64_t error_size);
    uint32_t (*result_count)(const mr_result*);
    const mr_tensor* (*result_tensor)(const mr_result*, uint32_t index); /* valid until free_result */
    void (*free_result)(mr_result*);

    void (*release_memory)(void); /* gives cached memory back to the system and the device */
    mr_memory (*memory)(void);

    /* Begins `task` on the pool of the tasks that models begin themselves (TorchScript's fork), behind those that wait there,
     * and returns at once. Not MR_OK: the task will not run. */
    mr_code (*run_aside)(void (*task)(void*), void* context, char* error, uint64_t error_size);
} mr_runtime;

typedef const mr_runtime* (*mr_entry)(void);
#define MR_ENTRY_NAME "millrace_runtime"

#ifdef __cplusplus
}
#endif
#endif
