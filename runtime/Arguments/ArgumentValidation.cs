using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Arguments;

/// <summary>
/// Checks one call's arguments against each other and against the declaration, before anything is written. What only a GPU demands
/// (alignment, strides of tensor maps) is checked where the launch is prepared.
/// </summary>
internal static class ArgumentValidation
{
    /// <exception cref="ArgumentException">Names the argument as the caller wrote it (<c>inputs.Key</c>), its value and the fix.</exception>
    public static AttentionProblem Validate(AttentionSpecification specification, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold)
    {
        TensorView query = inputs.Query, key = inputs.Key, value = inputs.Value;
        OutputView result = output.Output;
        RequireTensor("inputs.Query", query.Shape, query.Element, specification);
        RequireTensor("inputs.Key", key.Shape, key.Element, specification);
        RequireTensor("inputs.Value", value.Shape, value.Element, specification);
        RequireTensor("output.Output", result.Shape, result.Element, specification);
        if (result.Shape != query.Shape)
        {
            throw new ArgumentException($"output.Output has shape {result.Shape}, but inputs.Query has {query.Shape}: pass an output of the query's shape.", "output.Output");
        }
        KeyValueValidation.Validate(specification, inputs);
        RequireNoAliasing("output.Output", result.Shape, result.Strides);
        RequireMemory("inputs.Key", key.Memory, query.Memory);
        RequireMemory("inputs.Value", value.Memory, query.Memory);
        RequireMemory("output.Output", result.Memory, query.Memory);

        int batch = query.Shape.Batch;
        RequireLengths("inputs.QueryLengths", inputs.QueryLengths, batch, query.Shape.Length, inputs);
        RequireLengths("inputs.KeyLengths", inputs.KeyLengths, batch, KeyValueValidation.CapacityOf(inputs), inputs);
        RequireThreshold(specification, threshold, query.Shape.Batch, query.Memory);

        var problem = new AttentionProblem
        {
            Specification = specification,
            Query = query,
            Key = key,
            Value = value,
            BlockTable = inputs.BlockTable,
            Output = result,
            Lse = output.Lse,
            Counters = output.Counters,
            Decisions = output.Decisions,
            Status = output.Status,
            QueryLengths = inputs.QueryLengths,
            KeyLengths = inputs.KeyLengths,
            Threshold = threshold,
            Scale = ResolveScale(inputs.Scale, specification.HeadDim),
            Stream = inputs.Stream,
        };
        RequireCounts(problem);
        RequireStatus(problem);
        KeyValueValidation.RequirePagesInPool(problem);
        RequireNoOverlap(problem);
        return problem;
    }

    private static void RequireTensor(string name, TensorShape shape, ElementType element, AttentionSpecification specification)
    {
        if (shape == default)
        {
            throw new ArgumentException($"{name} was never set: make it with Host(…) or Device(…) of its view type.", name);
        }
        if (shape.HeadDim != specification.HeadDim)
        {
            throw new ArgumentException(
                $"{name} has shape {shape}, so a head dim of {shape.HeadDim}, but {specification.Name} is declared with HeadDim = {specification.HeadDim}: "
                + "pass tensors of that head dim or declare another method.", name);
        }
        if (element != specification.Element)
        {
            throw new ArgumentException(
                $"{name} holds {element} elements, but {specification.Name} is declared with Element = {specification.Element}: "
                + "convert the tensor or declare another method.", name);
        }
    }

    /// <summary>Distinct indexes must have distinct addresses: from the smallest stride upwards, each must step over all that lies below it.</summary>
    private static void RequireNoAliasing(string name, TensorShape shape, TensorStrides strides)
    {
        Span<(long Stride, int Extent)> dimensions = [(strides.Batch, shape.Batch), (strides.Length, shape.Length), (strides.Head, shape.Heads)];
        dimensions.Sort(static (left, right) => left.Stride.CompareTo(right.Stride));
        Int128 span = shape.HeadDim;
        foreach ((long stride, int extent) in dimensions)
        {
            if (extent == 1)
            {
                continue;
            }
            if (stride < span)
            {
                throw new ArgumentException(
                    $"{name} of shape {shape} has strides {strides}: a stride of {stride} steps into the {span} elements below it, so that several results share "
                    + "an address. Pass strides that give every element one of its own, such as TensorShape.Packed.", name);
            }
            span += (Int128)(extent - 1) * stride;
        }
    }

    internal static void RequireMemory(string name, MemoryKind memory, MemoryKind tensors)
    {
        if (memory != tensors)
        {
            throw new ArgumentException(
                $"{name} lies in {memory} memory, but inputs.Query lies in {tensors} memory: pass all arguments of a call in one kind of memory.", name);
        }
    }

    private static void RequireLengths(string name, InputBuffer<int> lengths, int batch, int capacity, in AttentionInputs inputs)
    {
        if (lengths.IsEmpty)
        {
            return;
        }
        RequireMemory(name, lengths.Memory, inputs.Query.Memory);
        RequireLength(name, lengths.Length, batch, "one for each sequence");
        ReadOnlySpan<int> values = lengths.HostValues;
        for (int sequence = 0; sequence < values.Length; sequence++)
        {
            if ((uint)values[sequence] > (uint)capacity)
            {
                // Made only here: a call that is right allocates nothing.
                string holder = name == "inputs.KeyLengths" ? KeyValueValidation.Describe(inputs) : $"inputs.Query {inputs.Query.Shape}";
                throw new ArgumentOutOfRangeException(name, values[sequence],
                    $"{name}[{sequence}] is {values[sequence]}, but {holder} holds {capacity} tokens a sequence: pass a length from 0 to {capacity}.");
            }
        }
    }

    private static void RequireThreshold(AttentionSpecification specification, SkipThreshold threshold, int batch, MemoryKind tensors)
    {
        if (threshold.Mode != specification.Threshold)
        {
            string fix = specification.Threshold == ThresholdMode.Off
                ? "pass no threshold, or declare the mode it belongs to"
                : $"make it with SkipThreshold.{specification.Threshold}(…)";
            throw new ArgumentException(
                $"threshold is of mode {threshold.Mode}, but {specification.Name} is declared with Threshold = {specification.Threshold}: {fix}.", nameof(threshold));
        }
        if (threshold.Mode == ThresholdMode.PerSequence)
        {
            const string name = "threshold.PerSequenceValues";
            RequireLength(name, threshold.PerSequenceValues.Length, batch, "one λ for each sequence");
            RequireMemory(name, threshold.PerSequenceValues.Memory, tensors);
        }
    }

    private static float ResolveScale(float? scale, int headDim)
    {
        float resolved = scale ?? (float)(1 / Math.Sqrt(headDim));
        return resolved > 0 && float.IsFinite(resolved)
            ? resolved
            : throw new ArgumentOutOfRangeException("inputs.Scale", resolved,
                $"inputs.Scale is {resolved}, but the factor of q·k must be finite and above 0: leave it null for 1/√head_dim.");
    }

    /// <summary>Kernels number rows, work tiles and decisions with 32 bits.</summary>
    private static void RequireCounts(in AttentionProblem problem)
    {
        AttentionSpecification specification = problem.Specification;
        bool decode = specification.Phase == AttentionPhase.Decode;
        Int128 rowHeads = (Int128)problem.Batch * problem.QueryHeads;
        Int128 decisionRows = (Int128)problem.Batch * problem.DecisionHeads * problem.QueryBlocks;
        RequireInt32("inputs.Query", rowHeads * problem.QueryBlocks, "batch × query heads × query blocks", problem.Query.Shape);
        if (specification.ReturnLse)
        {
            RequireInt32("inputs.Query", rowHeads * problem.Query.Shape.Length, "batch × query heads × query length", problem.Query.Shape);
        }
        if (specification.RecordDecisions)
        {
            RequireInt32("inputs.Query", decisionRows * problem.KeyBlocks, decode ? "batch × key/value heads × 1 × key blocks" : "batch × query heads × query blocks × key blocks", problem.Query.Shape);
        }
        RequireResult("output.Lse", problem.Lse, specification.ReturnLse, "ReturnLse",
            (long)(rowHeads * problem.Query.Shape.Length), "[batch, query heads, query length]", problem.Query.Memory);
        RequireResult("output.Counters", problem.Counters, specification.CountTiles, "CountTiles",
            (long)problem.Batch * problem.DecisionHeads, decode ? "[batch, key/value heads]" : "[batch, query heads]", problem.Query.Memory);
        RequireResult("output.Decisions", problem.Decisions, specification.RecordDecisions, "RecordDecisions",
            specification.RecordDecisions ? (long)(decisionRows * problem.KeyBlocks) : 0, decode ? "[batch, key/value heads, 1, key blocks]" : "[batch, query heads, query blocks, key blocks]", problem.Query.Memory);
    }

    private static void RequireStatus(in AttentionProblem problem)
    {
        const string name = "output.Status";
        if (problem.Status.IsEmpty)
        {
            return;
        }
        if (problem.Specification.Phase != AttentionPhase.Decode)
        {
            throw new ArgumentException(
                $"{name} is given, but {problem.Specification.Name} is declared with Phase = {problem.Specification.Phase}, which reports none: leave it out.", name);
        }
        if (problem.Status.Length != 1)
        {
            throw new ArgumentException($"{name} has {problem.Status.Length} elements, but one is written: pass a buffer of exactly that length.", name);
        }
        RequireMemory(name, problem.Status.Memory, problem.Query.Memory);
    }

    private static void RequireInt32(string name, Int128 count, string formula, TensorShape shape)
    {
        if (count > int.MaxValue)
        {
            throw new ArgumentOutOfRangeException(name, shape.ToString(),
                $"{name} of shape {shape} makes {formula} = {count}, but at most {int.MaxValue} fit one call: split the batch or the heads over several calls.");
        }
    }

    private static void RequireResult<T>(string name, OutputBuffer<T> buffer, bool declared, string property, long length, string shape, MemoryKind tensors)
        where T : unmanaged
    {
        if (!declared)
        {
            if (!buffer.IsEmpty)
            {
                throw new ArgumentException($"{name} is given with {buffer.Length} elements, but the declaration lacks {property} = true, so nothing would be written: "
                    + "declare it or leave the buffer out.", name);
            }
            return;
        }
        if (buffer.Length != length)
        {
            throw new ArgumentException($"{name} has {buffer.Length} elements, but the declaration has {property} = true, which writes {length}, packed {shape}: "
                + "pass a buffer of exactly that length.", name);
        }
        RequireMemory(name, buffer.Memory, tensors);
    }

    private static void RequireLength(string name, long length, long expected, string what)
    {
        if (length != expected)
        {
            throw new ArgumentException($"{name} has {length} elements, but the batch is {expected}: pass {what}.", name);
        }
    }

    private static void RequireNoOverlap(in AttentionProblem problem)
    {
        MemoryRange output = MemoryRange.Of(problem.Output), lse = MemoryRange.Of(problem.Lse);
        MemoryRange counters = MemoryRange.Of(problem.Counters), decisions = MemoryRange.Of(problem.Decisions), status = MemoryRange.Of(problem.Status);
        RequireApartFromInputs("output.Output", output, problem);
        RequireApartFromInputs("output.Lse", lse, problem);
        RequireApartFromInputs("output.Counters", counters, problem);
        RequireApartFromInputs("output.Decisions", decisions, problem);
        RequireApartFromInputs("output.Status", status, problem);
        RequireApart("output.Lse", lse, "output.Output", output);
        RequireApart("output.Counters", counters, "output.Output", output);
        RequireApart("output.Counters", counters, "output.Lse", lse);
        RequireApart("output.Decisions", decisions, "output.Output", output);
        RequireApart("output.Decisions", decisions, "output.Lse", lse);
        RequireApart("output.Decisions", decisions, "output.Counters", counters);
        RequireApart("output.Status", status, "output.Output", output);
        RequireApart("output.Status", status, "output.Lse", lse);
        RequireApart("output.Status", status, "output.Counters", counters);
        RequireApart("output.Status", status, "output.Decisions", decisions);
    }

    private static void RequireApartFromInputs(string name, MemoryRange written, in AttentionProblem problem)
    {
        RequireApart(name, written, "inputs.Query", MemoryRange.Of(problem.Query));
        RequireApart(name, written, "inputs.Key", MemoryRange.Of(problem.Key));
        RequireApart(name, written, "inputs.Value", MemoryRange.Of(problem.Value));
        RequireApart(name, written, "inputs.BlockTable", MemoryRange.Of(problem.BlockTable.Pages));
        RequireApart(name, written, "inputs.QueryLengths", MemoryRange.Of(problem.QueryLengths));
        RequireApart(name, written, "inputs.KeyLengths", MemoryRange.Of(problem.KeyLengths));
        RequireApart(name, written, "threshold.PerSequenceValues", MemoryRange.Of(problem.Threshold.PerSequenceValues));
    }

    private static void RequireApart(string name, MemoryRange written, string otherName, MemoryRange other)
    {
        if (written.Overlaps(other))
        {
            throw new ArgumentException($"{name} overlaps {otherName}, which would change while it is in use: pass memory of its own.", name);
        }
    }
}
