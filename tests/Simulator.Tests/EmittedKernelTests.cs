using System.Text.RegularExpressions;
using SkipSoftmax.Descriptors;

namespace SkipSoftmax.Simulation;

public sealed partial class EmittedKernelTests
{
    [Fact]
    public void Simulated_text_is_the_emitted_text_but_for_the_instruction_layer()
    {
        foreach (AttentionSpecification specification in SimulatedSpecifications.All)
        {
            EmittedKernel kernel = EmittedKernel.Of(specification, rows: 1);
            string emitted = kernel.Text;
            for (string before = ""; before != emitted;)
            {
                before = emitted;
                emitted = InnermostInstructionSection().Replace(emitted, "");
            }
            Assert.DoesNotContain("asm", emitted);
            Assert.Equal(emitted, InstructionInclude().Replace(kernel.TextAboveInstructions, ""));
        }
    }

    [GeneratedRegex(@"^// ---- (templates/ptx/\S+)\n((?!// ---- ).*\n)*// ---- end of \1\n", RegexOptions.Multiline)]
    private static partial Regex InnermostInstructionSection();

    [GeneratedRegex("""^#include "ptx/\w+\.cuh"\n""", RegexOptions.Multiline)]
    private static partial Regex InstructionInclude();
}
