// The entry of a simulated SM100 decode kernel.
#include "decode.h"
