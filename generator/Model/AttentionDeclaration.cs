namespace SkipSoftmax.Generator.Model;

/// <summary>A valid declaration: all the later stages know of the user's source. Holds values only, no symbols and no positions, so
/// that an edit that doesn't change the declaration changes no model.</summary>
internal sealed record AttentionDeclaration
{
    /// <summary>Escaped and dotted; empty for the global namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>Outermost first; the last one declares the method.</summary>
    public required EquatableArray<ContainingType> ContainingTypes { get; init; }

    /// <summary>Modifiers as written, without <c>partial</c>.</summary>
    public required string Modifiers { get; init; }

    /// <summary>Accessibility of the method, and so of its descriptor.</summary>
    public required string Accessibility { get; init; }

    /// <summary>Without escape.</summary>
    public required string MethodName { get; init; }

    public required EquatableArray<MethodParameter> Parameters { get; init; }

    public required AttentionRequest Request { get; init; }

    public string DescriptorName => DescriptorNameOf(MethodName);

    /// <summary>Namespace, types and method, dotted and without escapes.</summary>
    public string FullName =>
        string.Join(".", ContainingTypes.Select(type => type.Name).Prepend(Namespace).Append(MethodName).Where(name => name.Length > 0)).Replace("@", "");

    public static string DescriptorNameOf(string methodName) => methodName + "Descriptor";
}

/// <summary>One partial type around a declaration.</summary>
/// <param name="Keyword"><c>class</c>, <c>struct</c>, <c>record</c>, <c>record struct</c> or <c>interface</c>.</param>
/// <param name="Name">Escaped.</param>
internal sealed record ContainingType(string Keyword, string Name);

/// <summary>A parameter as the user wrote it: the implementing part must repeat its modifiers and should repeat its name.</summary>
/// <param name="Modifiers"><c>in</c>, <c>scoped</c>, <c>this</c> or a sequence of them; may be empty.</param>
/// <param name="Type">With <c>global::</c>.</param>
/// <param name="Name">Escaped.</param>
internal sealed record MethodParameter(string Modifiers, string Type, string Name);
