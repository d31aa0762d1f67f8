using SkipSoftmax.Generator.Specialization;

namespace SkipSoftmax.Generator.Tests;

/// <summary>A few lines with the layout of the real templates: for tests that are not about the kernels' text.</summary>
internal static class FakeTemplates
{
    public const string Root = "templates/kernels/sm90_prefill.cu";
    public const string Constants = "templates/constants/sm90_prefill.cuh";
    public const string Declaration = "templates/skip_softmax/declaration.cuh";

    public static Dictionary<string, string> Files => new()
    {
        [Declaration] = """
            #pragma once
            enum class ElementType { Float16, BFloat16 };
            enum class AttentionMask { None, Causal };
            enum class ThresholdMode { Off, Fixed, ContextScaled, PerSequence, TargetSparsity };
            enum class TileOrder { Descending, Ascending, SinkFirst };
            """,
        [Constants] = """
            #pragma once
            #include "../skip_softmax/declaration.cuh"

            // Defaults.
            constexpr int HEAD_DIM = 128;
            constexpr int QUERY_BLOCK = 64;  // query rows that decide together
            constexpr int KEY_BLOCK = 64;
            constexpr ElementType ELEMENT = ElementType::BFloat16;
            constexpr AttentionMask MASK = AttentionMask::Causal;
            constexpr ThresholdMode THRESHOLD = ThresholdMode::Fixed;
            constexpr TileOrder ORDER = TileOrder::Descending;
            constexpr bool COUNT_TILES = false;
            constexpr bool RECORD_DECISIONS = false;
            constexpr bool RETURN_LSE = false;
            constexpr int QUERY_TILE = 128;
            constexpr int QUERY_BOX = 64;
            constexpr int KEY_TILE = 128;
            constexpr int KEY_STAGES = 2;
            constexpr int VALUE_STAGES = 2;
            constexpr int WEIGHT_STEPS = 1;
            constexpr int CONSUMER_REGISTERS = 240;
            constexpr int PRODUCER_REGISTERS = 24;
            """,
        ["templates/ptx/wait.cuh"] = """
            #pragma once
            #include "../skip_softmax/declaration.cuh"
            inline void wait() { asm volatile("bar.sync 0;"); }
            """,
        [Root] = """"
            // Root. A run of quotes: """
            #include "../constants/sm90_prefill.cuh"
            #include "../ptx/wait.cuh"

            static_assert(ELEMENT != ElementType::Float16 || MASK == AttentionMask::None || THRESHOLD != ThresholdMode::Off || ORDER == TileOrder::Descending);
            static_assert(COUNT_TILES || RECORD_DECISIONS || RETURN_LSE || true);
            extern "C" __global__ void skip_softmax_prefill(int *out)
            {
                out[0] = HEAD_DIM + QUERY_BLOCK + KEY_BLOCK + QUERY_TILE + QUERY_BOX + KEY_TILE;
                out[1] = KEY_STAGES + VALUE_STAGES + WEIGHT_STEPS + CONSUMER_REGISTERS + PRODUCER_REGISTERS;
            }
            """",
        ["templates/constants/sm100_prefill.cuh"] = """
            #pragma once
            #include "../skip_softmax/declaration.cuh"
            constexpr int HEAD_DIM = 128;
            constexpr int QUERY_BLOCK = 64;
            constexpr int KEY_BLOCK = 64;
            constexpr ElementType ELEMENT = ElementType::BFloat16;
            constexpr AttentionMask MASK = AttentionMask::Causal;
            constexpr ThresholdMode THRESHOLD = ThresholdMode::Fixed;
            constexpr TileOrder ORDER = TileOrder::Descending;
            constexpr bool COUNT_TILES = false;
            constexpr bool RECORD_DECISIONS = false;
            constexpr bool RETURN_LSE = false;
            constexpr int QUERY_TILE = 256;
            constexpr int QUERY_BOX = 128;
            constexpr int KEY_TILE = 128;
            constexpr int KEY_STAGES = 3;
            constexpr int VALUE_STAGES = 2;
            constexpr int TENSOR_COLUMNS = 512;
            constexpr int SOFTMAX_REGISTERS = 192;
            constexpr int CORRECTION_REGISTERS = 80;
            constexpr int PRODUCER_REGISTERS = 48;
            """,
        ["templates/kernels/sm100_prefill.cu"] = """
            #include "../constants/sm100_prefill.cuh"
            static_assert(ELEMENT != ElementType::Float16 || MASK == AttentionMask::None || THRESHOLD != ThresholdMode::Off || ORDER == TileOrder::Descending);
            static_assert(COUNT_TILES || RECORD_DECISIONS || RETURN_LSE || true);
            extern "C" __global__ void skip_softmax_prefill(int *out)
            {
                out[0] = HEAD_DIM + QUERY_BLOCK + KEY_BLOCK + QUERY_TILE + QUERY_BOX + KEY_TILE + KEY_STAGES + VALUE_STAGES;
                out[1] = TENSOR_COLUMNS + SOFTMAX_REGISTERS + CORRECTION_REGISTERS + PRODUCER_REGISTERS;
            }
            """,
        ["templates/constants/decode.cuh"] = """
            #pragma once
            #include "../skip_softmax/declaration.cuh"
            constexpr int HEAD_DIM = 128;
            constexpr int KEY_BLOCK = 64;
            constexpr int PAGE_SIZE = 0;
            constexpr ElementType ELEMENT = ElementType::BFloat16;
            constexpr AttentionMask MASK = AttentionMask::Causal;
            constexpr ThresholdMode THRESHOLD = ThresholdMode::Fixed;
            constexpr bool COUNT_TILES = false;
            constexpr bool RECORD_DECISIONS = false;
            constexpr bool RETURN_LSE = false;
            constexpr int ROWS = 16;
            constexpr int TEAMS = 4;
            constexpr int STAGES = 3;
            constexpr bool QUERY_IN_SHARED = false;
            """,
        ["templates/kernels/sm90_decode.cu"] = """
            #include "../constants/decode.cuh"
            static_assert(ELEMENT != ElementType::Float16 || MASK == AttentionMask::None || THRESHOLD != ThresholdMode::Off);
            static_assert(COUNT_TILES || RECORD_DECISIONS || RETURN_LSE || QUERY_IN_SHARED || true);
            extern "C" __global__ void skip_softmax_decode(int *out)
            {
                out[0] = HEAD_DIM + KEY_BLOCK + PAGE_SIZE + ROWS + TEAMS + STAGES;
            }
            """,
        ["templates/kernels/sm100_decode.cu"] = """
            // On SM100.
            #include "../constants/decode.cuh"
            static_assert(ELEMENT != ElementType::Float16 || MASK == AttentionMask::None || THRESHOLD != ThresholdMode::Off);
            static_assert(COUNT_TILES || RECORD_DECISIONS || RETURN_LSE || QUERY_IN_SHARED || true);
            extern "C" __global__ void skip_softmax_decode(int *out)
            {
                out[0] = HEAD_DIM + KEY_BLOCK + PAGE_SIZE + ROWS + TEAMS + STAGES;
            }
            """,
    };

    public static TemplateLibrary Library { get; } = new(Files);
}
