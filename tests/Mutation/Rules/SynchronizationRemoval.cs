namespace SkipSoftmax.Mutation;

/// <summary>A synchronizing call is left out; of one with an answer, the calling thread's own answer stays.</summary>
internal sealed class SynchronizationRemoval : IMutationRule
{
    public string Name => "sync removed";

    public IEnumerable<Mutation> Find(TemplateSet templates, TemplateFile file)
    {
        Synchronization synchronization = new(templates);
        foreach (Call call in file.Calls)
        {
            if (synchronization.IsVoting(call))
            {
                // A test of a barrier has no answer of its own: it passes.
                string own = call.Name == "mbarrier_test" ? "true" : file.Read(call.Arguments[^1].First, call.Arguments[^1].Last);
                yield return new(call.NameToken, $"{file.Read(call.First, call.Last)} → {own}", file.Replace(call.First, call.Last, $"({own})"));
            }
            else if ((synchronization.IsPlain(call) || Synchronization.IsInitialization(call))
                && file.Enclosing(call.NameToken) is (_, Statement statement) && Synchronization.CallOf(file, statement) == call)
            {
                yield return new(call.NameToken, "removed", file.Replace(statement.Head, statement.HeadEnd, ";"));
            }
        }
    }
}
