// The entry of a simulated SM90 prefill kernel.
#include "prefill.h"

static const simulator::SharedField fields[] = {PREFILL_FIELDS};

PREFILL_INTERFACE(fields)
