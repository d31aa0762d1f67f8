// The entry of a simulated SM90 decode kernel.
#include "decode.h"
