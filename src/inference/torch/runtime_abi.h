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

/* The datatype of an optional input that is not there; such a tensor has no bytes. */
#define MR_ABSENT 0xffffffffu

/* The numbers are those of values::Datatype. */
typedef struct mr_tensor {
    uint32_t datatype;
    uint32_t rank;
    int64_t shape[MR_MAX_RANK];
    const void* data; /* contiguous, row-major, in the process's memory; owned by the caller for inputs, by the result
                         for outputs */
    uint64_t bytes;
} mr_tensor;

typedef struct mr_model mr_model;
typedef struct mr_result mr_result;

typedef enum mr_precision { MR_FP32 = 0, MR_BF16 = 1 } mr_precision;

/* How forward() takes an input. An argument of the type List[Tensor] gets the rows of its input, each without the batch
 * dimension; a Dict[str, Tensor] that is forward()'s first argument gets all inputs by their names, where no rule says
 * more. */
typedef struct mr_input_rule {
    const char* name;
    const char* argument; /* of forward(), by its name; NULL: the next one by its place */
    const char*
        key; /* where the argument is a dict, list or tuple of several inputs: the key or place there; else NULL */
    uint32_t optional; /* it may be MR_ABSENT: then the argument is None, or its default */
} mr_input_rule;

/* Which part of what forward() returns an output is. */
typedef struct mr_output_rule {
    const char* name;
    const char*
        path; /* keys of dicts, fields of named tuples and places in lists and tuples, MR_STEP between them; NULL: what
                 has its name in a dict, named tuple, or list of one dict a row, else the tensor at its place */
    uint32_t datatype; /* half precision is given as this, where this is of floating point */
    uint32_t optional; /* it may be None, or not be there at all */
} mr_output_rule;

/* What becomes of the buffers and other attributes that forward() changes. */
typedef enum mr_buffers {
    MR_BUFFERS_OWN = 0,   /* each pass begins with those of the file, and what it changes is dropped */
    MR_BUFFERS_SHARED = 1 /* kept from pass to pass, from begin_service() on; one pass at a time */
} mr_buffers;

#define MR_STEP "\x1f"
#define MR_EACH_ROW "*" /* a step: of a list that has one element for each row of the batch, each of them */

/* Borrowed for the call. */
typedef struct mr_load_options {
    uint32_t precision;            /* mr_precision: tried, and kept when the outputs stay within `tolerance` */
    uint32_t channels_last;        /* the same for four-dimensional inputs */
    double tolerance;              /* of the largest absolute output of the plain model */
    const mr_input_rule* inputs;   /* one for each input of forward() below, in the same order */
    const mr_output_rule* outputs; /* one for each output of the results */
    uint32_t input_count, output_count;
    uint32_t buffers; /* mr_buffers */
} mr_load_options;

/* What an output of a result is. */
typedef enum mr_form {
    MR_NONE = 0,  /* not there */
    MR_BATCH = 1, /* one tensor, whose first dimension should be the batch */
    MR_ROWS = 2   /* a tensor for each row of the batch, without the batch dimension */
} mr_form;

/* Each step is kept only if the outputs equal the plain model's, for bfloat16 and channels_last within the tolerance.
 */
typedef enum mr_optimization { MR_PLAIN = 0, MR_FROZEN = 1, MR_OPTIMIZED = 2, MR_COMPILED = 3 } mr_optimization;

typedef struct mr_load_report {
    uint32_t optimization; /* mr_optimization; MR_COMPILED: an AOTInductor package */
    uint32_t precision;    /* what is used */
    uint32_t channels_last;
    char note[512]; /* why not more, and that forward() changes the module; empty when all that was asked for is used */
} mr_load_report;

typedef struct mr_memory {
    uint64_t used, total; /* bytes of the device; 0: it is the process's own memory */
} mr_memory;

typedef struct mr_runtime {
    uint32_t abi_version;
    uint32_t struct_size;
    const char* (*version)(void); /* "libtorch 2.13.0" */

    /* "cpu" or "cuda:N", once a process, before anything else but version(): the device of all models. */
    mr_code (*open_device)(const char* device, char* error, uint64_t error_size);

    /* Threads of the forward passes that the calling thread makes from now on. */
    mr_code (*set_threads)(int32_t threads, char* error, uint64_t error_size);

    /* `bytes` is a TorchScript file or an AOTInductor package, borrowed for the call. `inputs`: one call's arguments
     * (batch included) with which the faster forms are compared; none skips optimisation. */
    mr_code (*load)(const void* bytes, uint64_t size, const mr_tensor* inputs, uint32_t input_count,
                    const mr_load_options* options, mr_model** model, mr_load_report* report, char* error,
                    uint64_t error_size);
    /* After the warm-up: the passes before it count for nothing, whatever the buffers are. */
    void (*begin_service)(mr_model*);
    void (*free_model)(mr_model*);

    /* As many inputs as there were rules. */
    mr_code (*forward)(mr_model*, const mr_tensor* inputs, uint32_t input_count, mr_result** result, char* error,
                       uint64_t error_size);
    mr_form (*result_form)(const mr_result*, uint32_t output);
    /* Of MR_BATCH row 0; NULL beyond the output's tensors. Valid until free_result. */
    const mr_tensor* (*result_tensor)(const mr_result*, uint32_t output, uint32_t row);
    void (*free_result)(mr_result*);

    void (*release_memory)(void); /* gives cached memory back to the system and the device */
    mr_memory (*memory)(void);

    /* Begins `task` on the pool of the tasks that models begin themselves (TorchScript's fork), behind those that wait
     * there, and returns at once. Not MR_OK: the task will not run. */
    mr_code (*run_aside)(void (*task)(void*), void* context, char* error, uint64_t error_size);
} mr_runtime;

typedef const mr_runtime* (*mr_entry)(void);
#define MR_ENTRY_NAME "millrace_runtime"

#ifdef __cplusplus
}
#endif
#endif
