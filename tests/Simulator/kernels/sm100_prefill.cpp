// The entry of a simulated SM100 prefill kernel.
#include "prefill.h"

static const simulator::SharedField fields[] = {
    PREFILL_FIELDS,
    FIELD(logits_full, Mbarrier),
    FIELD(factors_full, Mbarrier),
    FIELD(weights_full, Mbarrier),
    FIELD(output_full, Mbarrier),
    FIELD(factors, float),
    FIELD(tensor_memory, u32),
};

PREFILL_INTERFACE(fields)
