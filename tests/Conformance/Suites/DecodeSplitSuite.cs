namespace SkipSoftmax.Conformance;

/// <summary>However many parts the keys are cut into: the same decisions, and results equal within rounding.</summary>
public abstract class DecodeSplitSuite<TBackend> : BackendSuite<TBackend> where TBackend : IConformanceBackend, new()
{
    private const int Cases = 40;

    public static TheoryData<int> Splits => [1, 2, 3, 4, 7, 8, 16, 32, 64];

    [SkippableTheory]
    [MemberData(nameof(Splits))]
    public void Splits_change_no_decision_and_nothing_beyond_rounding(int splits)
    {
        RequireAvailable();
        RequirePhase(AttentionPhase.Decode);
        Skip.IfNot(Capabilities.ChoosesSplits, $"{Backend.Name} does not choose splits.");
        for (int seed = 0; seed < Cases; seed++)
        {
            AttentionCase attentionCase = RandomDecodeCases.Create(seed, Capabilities);
            BackendResult split = Backend.RunSplit(attentionCase, splits);
            Assert.Equal(Backend.Run(attentionCase).Decisions, split.Decisions);
            ReferenceComparison.Check(attentionCase, split);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Splits))]
    public void Splits_of_a_real_sequence_change_no_decision(int splits)
    {
        RequireAvailable();
        RequirePhase(AttentionPhase.Decode);
        Skip.IfNot(Capabilities.ChoosesSplits, $"{Backend.Name} does not choose splits.");
        AttentionCase attentionCase = RealTensorCases.LoadDecode("tech-layer14-kv0-4k", steps: 2, queryLength: 1, ElementType.Float16, Capabilities.RealTensorTokens) with { ThresholdValue = 0.02f };
        BackendResult split = Backend.RunSplit(attentionCase, splits);
        Assert.Equal(Backend.Run(attentionCase).Decisions, split.Decisions);
        ReferenceComparison.Check(attentionCase, split);
    }
}
