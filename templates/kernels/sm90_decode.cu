// Skip Softmax attention, decode, for SM90 (Hopper). At 33 bytes a nanosecond and SM, 19 a clock, products by mma.sync
// take a quarter of the time that K and V of a tile take at 16 rows, and less than all of it up to 64.
#include "../constants/decode.cuh"
#include "../skip_softmax/decode.cuh"

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    skip_softmax_decode(const __grid_constant__ TensorMap key_map, const __grid_constant__ TensorMap value_map,
                        const __grid_constant__ DecodeArguments arguments) {
    decode(&key_map, &value_map, arguments);
}
