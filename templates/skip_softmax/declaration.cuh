#pragma once

// The values of a declaration, named as in its attribute.
enum class ElementType { Float16, BFloat16 };
enum class AttentionMask { None, Causal };
enum class ThresholdMode { Off, Fixed, ContextScaled, PerSequence, TargetSparsity };
enum class TileOrder { Descending, Ascending, SinkFirst };
