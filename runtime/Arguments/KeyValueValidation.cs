using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Arguments;

/// <summary>Checks keys and values, contiguous or paged, against the query and the declaration.</summary>
internal static class KeyValueValidation
{
    /// <exception cref="ArgumentException">Names the argument as the caller wrote it (<c>inputs.Key</c>), its value and the fix.</exception>
    public static void Validate(AttentionSpecification specification, in AttentionInputs inputs)
    {
        TensorShape query = inputs.Query.Shape, key = inputs.Key.Shape;
        RequireLayout(specification, inputs);
        if (inputs.IsPaged)
        {
            RequirePages(specification, inputs);
        }
        else if (key.Batch != query.Batch)
        {
            throw new ArgumentException(
                $"inputs.Key has shape {key}, so a batch of {key.Batch}, but inputs.Query {query} has {query.Batch}: pass one key sequence for each query sequence "
                + "(a batch stride of 0 repeats one).", "inputs.Key");
        }
        if (inputs.Value.Shape != key)
        {
            throw new ArgumentException($"inputs.Value has shape {inputs.Value.Shape}, but inputs.Key has {key}: pass a value for every key.", "inputs.Value");
        }
        if (query.Heads % key.Heads != 0)
        {
            throw new ArgumentException(
                $"inputs.Query has {query.Heads} heads, not a multiple of the {key.Heads} key/value heads of inputs.Key {key}: "
                + "every key/value head must serve the same number of query heads.", "inputs.Query");
        }
        if (specification.Phase == AttentionPhase.Decode && query.Length > specification.MaxQueryLength)
        {
            throw new ArgumentException(
                $"inputs.Query has shape {query}, so {query.Length} query tokens, but {specification.Name} is declared with MaxQueryLength = {specification.MaxQueryLength}: "
                + "pass fewer, or declare another method (a prompt's with Phase = Prefill).", "inputs.Query");
        }
    }

    /// <summary>Key tokens that a sequence has room for, once the inputs are known to be valid.</summary>
    public static int CapacityOf(in AttentionInputs inputs) =>
        inputs.IsPaged ? inputs.BlockTable.PagesPerSequence * inputs.Key.Shape.Length : inputs.Key.Shape.Length;

    /// <summary>What limits the key lengths, for a message.</summary>
    public static string Describe(in AttentionInputs inputs) => inputs.IsPaged
        ? $"inputs.BlockTable [{inputs.BlockTable.Batch}, {inputs.BlockTable.PagesPerSequence}] with pages of {inputs.Key.Shape.Length} tokens"
        : $"inputs.Key {inputs.Key.Shape}";

    /// <summary>Entries of a host table that some length uses must name pages of the pool. Those of a device table the kernel checks.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One does not.</exception>
    public static void RequirePagesInPool(in AttentionProblem problem)
    {
        ReadOnlySpan<int> table = problem.BlockTable.Pages.HostValues;
        if (table.IsEmpty)
        {
            return;
        }
        int pages = problem.Key.Shape.Batch, pageSize = problem.Key.Shape.Length;
        for (int sequence = 0; sequence < problem.Batch; sequence++)
        {
            int length = problem.KeyLengthOf(sequence);
            ReadOnlySpan<int> row = table.Slice(sequence * problem.BlockTable.PagesPerSequence, AttentionProblem.BlocksOf(length, pageSize));
            for (int index = 0; index < row.Length; index++)
            {
                if ((uint)row[index] >= (uint)pages)
                {
                    throw new ArgumentOutOfRangeException("inputs.BlockTable", row[index],
                        $"inputs.BlockTable[{sequence}, {index}] is {row[index]}, but the pool of shape {problem.Key.Shape} has pages 0 to {pages - 1}, and the sequence's "
                        + $"{length} tokens use {row.Length} entries: write the page's number there, or pass a shorter length in inputs.KeyLengths.");
                }
            }
        }
    }

    private static void RequireLayout(AttentionSpecification specification, in AttentionInputs inputs)
    {
        if (inputs.IsPaged != (specification.KvLayout == KvLayout.Paged))
        {
            throw new ArgumentException(
                inputs.IsPaged
                    ? $"inputs.Key is a pool of pages {inputs.Key.Shape}, but {specification.Name} is declared with KvLayout = Contiguous: "
                        + "pass tensors, or declare KvLayout = Paged with the page size."
                    : $"inputs.Key is a tensor {inputs.Key.Shape}, but {specification.Name} is declared with KvLayout = Paged: "
                        + "pass PagedView pools and a BlockTable, or declare KvLayout = Contiguous.", "inputs.Key");
        }
    }

    private static void RequirePages(AttentionSpecification specification, in AttentionInputs inputs)
    {
        TensorShape pool = inputs.Key.Shape;
        BlockTable table = inputs.BlockTable;
        int batch = inputs.Query.Shape.Batch;
        if (pool.Length != specification.PageSize)
        {
            throw new ArgumentException(
                $"inputs.Key is a pool of shape {pool}, so pages of {pool.Length} tokens, but {specification.Name} is declared with PageSize = {specification.PageSize}: "
                + "pass pages of that size, or declare another method.", "inputs.Key");
        }
        if (table.IsEmpty)
        {
            throw new ArgumentException("inputs.BlockTable was never set: make it with BlockTable.Host(…) or BlockTable.Device(…).", "inputs.BlockTable");
        }
        if (table.Batch != batch)
        {
            throw new ArgumentException(
                $"inputs.BlockTable is [{table.Batch}, {table.PagesPerSequence}], but inputs.Query {inputs.Query.Shape} has {batch} sequences: pass one row for each.",
                "inputs.BlockTable");
        }
        if ((long)table.PagesPerSequence * pool.Length > int.MaxValue)
        {
            throw new ArgumentOutOfRangeException("inputs.BlockTable", table.PagesPerSequence,
                $"inputs.BlockTable has {table.PagesPerSequence} pages of {pool.Length} tokens a sequence, but a sequence has at most {int.MaxValue} tokens: pass a narrower table.");
        }
        ArgumentValidation.RequireMemory("inputs.BlockTable", table.Pages.Memory, inputs.Query.Memory);
    }
}
