using System.Globalization;
using SkipSoftmax.Generator.Model;

namespace SkipSoftmax.Generator.Variants;

/// <summary>One kernel for one target and phase: the fields of <c>GpuKernel</c>, and what its template is specialized by.</summary>
internal abstract record KernelVariant
{
    public required AttentionRequest Request { get; init; }

    public abstract string Name { get; }

    public abstract GpuTargets Target { get; }

    /// <summary>Name of the <c>extern "C"</c> function in the template.</summary>
    public abstract string EntryPoint { get; }

    /// <summary>Path of the template's root file.</summary>
    public abstract string Template { get; }

    /// <summary>Path of the file that holds the template's default constants.</summary>
    public abstract string ConstantsTemplate { get; }

    /// <summary>Query rows of a CTA's work; of decode, the most that share a key/value head.</summary>
    public abstract int QueryTile { get; }

    /// <summary>Query rows of one TMA load; 0 where Q is not loaded so.</summary>
    public abstract int QueryBox { get; }

    public abstract int KeyTile { get; }

    public abstract int ValueBox { get; }

    public abstract int Threads { get; }

    public abstract int SharedMemoryBytes { get; }

    public abstract int EntryRegisters { get; }

    /// <summary>A value for each constant of <see cref="ConstantsTemplate"/>.</summary>
    public abstract EquatableArray<KernelConstant> Constants { get; }
}

/// <summary>A named constant of a template: <c>constexpr Type Name = Value;</c>.</summary>
internal sealed record KernelConstant(string Type, string Name, string Value)
{
    public static KernelConstant Of(string name, int value) => new("int", name, value.ToString(CultureInfo.InvariantCulture));

    public static KernelConstant Of(string name, bool value) => new("bool", name, value ? "true" : "false");

    /// <summary>The template defines an enum class with the same name and enumerators.</summary>
    public static KernelConstant Of<T>(string name, T value) where T : struct, Enum => new(typeof(T).Name, name, $"{typeof(T).Name}::{value}");
}
