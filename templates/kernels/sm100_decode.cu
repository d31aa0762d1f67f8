// Skip Softmax attention, decode, for SM100 (Blackwell). At 54 bytes a nanosecond and SM, 29 a clock, products by
// mma.sync fit under the stream of K and V up to 32 rows; with 64 and 128 rows, the queries of several tokens of a
// group of 16, reading the tiles from shared memory once for every 16 rows binds: 0.9 and 0.5 of the bandwidth.
#include "../constants/decode.cuh"
#include "../skip_softmax/decode.cuh"

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    skip_softmax_decode(const __grid_constant__ TensorMap key_map, const __grid_constant__ TensorMap value_map,
                        const __grid_constant__ DecodeArguments arguments) {
    decode(&key_map, &value_map, arguments);
}
