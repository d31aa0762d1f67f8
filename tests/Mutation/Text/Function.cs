namespace SkipSoftmax.Mutation;

/// <summary>A function that a template defines.</summary>
/// <param name="Scope">The struct it is a member of, or an empty string.</param>
/// <param name="Name">Without its scope.</param>
/// <param name="Parameters">In order.</param>
/// <param name="Body">A block.</param>
internal sealed record Function(string Scope, string Name, IReadOnlyList<Parameter> Parameters, Statement Body)
{
    public string QualifiedName => Scope.Length == 0 ? Name : $"{Scope}::{Name}";
}

/// <param name="Type">As written.</param>
/// <param name="Name">Empty where it has none.</param>
internal sealed record Parameter(string Type, string Name)
{
    public bool IsReference => Type.Contains('&', StringComparison.Ordinal);
}
