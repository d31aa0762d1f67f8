using Microsoft.CodeAnalysis;
using SkipSoftmax.Tool.Declarations;

namespace SkipSoftmax.Tool.Tests;

/// <summary>A folder with what a user has: sources, an assembly, a project.</summary>
public sealed class UserFiles : IDisposable
{
    internal const string Declarations = """
        namespace User;

        public static partial class Model
        {
            [SkipSoftmaxAttention(HeadDim = 128, Targets = GpuTargets.Sm90)]
            public static partial void Prefill(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);

            [SkipSoftmaxAttention(Phase = AttentionPhase.Decode, HeadDim = 64, KvLayout = KvLayout.Paged, PageSize = 64, MaxQueryLength = 4, Targets = GpuTargets.Sm90)]
            public static partial void Decode(AttentionContext context, in AttentionInputs inputs, AttentionOutput output, SkipThreshold threshold);

            [SkipSoftmaxAttention(HeadDim = 96, Threshold = ThresholdMode.Off, Element = ElementType.Float32)]
            public static partial void OnCpu(AttentionContext context, in AttentionInputs inputs, AttentionOutput output);
        }
        """;

    internal string Folder { get; } = Directory.CreateTempSubdirectory("skip-softmax-tool-").FullName;

    internal string Source => Write("Declarations.cs", Declarations);

    internal string Assembly
    {
        get
        {
            string path = At("User.dll");
            using FileStream image = File.Create(path);
            DeclarationCompiler.Compile([("Declarations.cs", Declarations)], OutputKind.DynamicallyLinkedLibrary, image);
            return path;
        }
    }

    internal string At(string name) => Path.Combine(Folder, name);

    internal string Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(name))!);
        File.WriteAllText(At(name), text);
        return At(name);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
