using Microsoft.CodeAnalysis;

namespace SkipSoftmax.Generator.Diagnostics;

/// <summary>Every diagnostic of the package. The text says what is wrong and what to write instead; docs/diagnostics.md has a section for each.</summary>
internal static class SkipSoftmaxDiagnostics
{
    public static readonly DiagnosticDescriptor MethodNotPartial = Error("SSG001", "Attention method must be partial and have no body",
        "'{0}' cannot be implemented by the generator: {1}");

    public static readonly DiagnosticDescriptor ReturnTypeNotVoid = Error("SSG002", "Attention method must return void",
        "'{0}' must return void, not '{1}': results are written to the AttentionOutput argument");

    public static readonly DiagnosticDescriptor WrongParameters = Error("SSG003", "Attention method has the wrong parameters",
        "'{0}' must have the parameters ({1}), but it has ({2})");

    public static readonly DiagnosticDescriptor WrongParameterPassing = Error("SSG004", "Attention parameter is passed the wrong way",
        "Parameter '{0}' of '{1}' must be passed {2}, not {3}");

    public static readonly DiagnosticDescriptor ThresholdParameterMismatch = Error("SSG005", "Threshold mode and parameter disagree",
        "'{0}' is declared with Threshold = ThresholdMode.{1} {2}");

    public static readonly DiagnosticDescriptor GenericDeclaration = Error("SSG006", "Attention method or its type is generic",
        "'{0}' is generic, and an attention method is specialized at compile time: remove its type parameters, or declare '{1}' in a type without them");

    public static readonly DiagnosticDescriptor ContainingTypeNotPartial = Error("SSG007", "Type of an attention method cannot be extended",
        "The generator cannot add to '{0}', which contains '{1}': {2}");

    public static readonly DiagnosticDescriptor UnsupportedHeadDim = Error("SSG008", "Head dimension is missing or not supported",
        "{0}: set HeadDim to 64, 96, 128, 192 or 256");

    public static readonly DiagnosticDescriptor UnsupportedBlockSize = Error("SSG009", "Block size is not supported",
        "{0} = {1} is not supported: set it to 64 or 128");

    public static readonly DiagnosticDescriptor UnknownEnumValue = Error("SSG010", "Value is not one of its enum",
        "{0} = {1} is not a value of {2}: use {3}");

    public static readonly DiagnosticDescriptor ElementNotOnGpu = Error("SSG011", "Element type has no GPU kernel",
        "Element = ElementType.{0} runs on the CPU path only, but Targets asks for {1}: use ElementType.Float16 or ElementType.BFloat16, or Targets = GpuTargets.None");

    public static readonly DiagnosticDescriptor DuplicateDeclaration = Error("SSG012", "Attention method is declared twice",
        "'{0}' already has an attention method named '{1}', and the descriptor is named after the method: rename this one");

    public static readonly DiagnosticDescriptor DescriptorNameTaken = Error("SSG013", "Name of the descriptor is taken",
        "The descriptor of '{0}' would be named '{1}', and {2}: rename one of them");

    public static readonly DiagnosticDescriptor HeadDimNotOnTarget = Error("SSG015", "Head dimension has no kernel for a target",
        "HeadDim = {0} has no {1} kernel for {2}: use HeadDim {3}, or remove {2} from Targets (with GpuTargets.None the declaration runs on the CPU path)");

    public static readonly DiagnosticDescriptor OverBudget = Error("SSG016", "Declaration does not fit a target",
        "'{0}' does not fit {1}: {2} would be {3}, and the limit is {4}; {5}");

    public static readonly DiagnosticDescriptor LanguageVersionTooOld = Error("SSG017", "C# version is too old",
        "The code generated for '{0}' needs C# {1}, and this project uses C# {2}: set <LangVersion> to {1} or later");

    /// <summary>A shipped template broke a rule of specialization: a defect of this package.</summary>
    public static readonly DiagnosticDescriptor InternalError = Error("SSG018", "Internal error of the generator",
        "The generator failed on '{0}' and emitted nothing for it ({1}): please report this with the declaration");

    public static readonly DiagnosticDescriptor NotOfThisPhase = Error("SSG019", "Value does not apply to the phase",
        "{0} does not apply to AttentionPhase.{1}: {2}");

    public static readonly DiagnosticDescriptor PageSizeMismatch = Error("SSG020", "Page size is missing, not supported, or without pages",
        "{0}: {1}");

    public static readonly DiagnosticDescriptor UnsupportedQueryLength = Error("SSG021", "Query length of decode is not supported",
        "MaxQueryLength = {0} is not supported: set it to a number from 1 to 8, or declare Phase = AttentionPhase.Prefill for more query tokens");

    private static DiagnosticDescriptor Error(string id, string title, string message) =>
        new(id, title, message, "SkipSoftmax", DiagnosticSeverity.Error, isEnabledByDefault: true,
            helpLinkUri: HelpBase + id.ToLowerInvariant());

    private const string HelpBase = "https://github.com/skipsoftmax/SkipSoftmax.Gen/blob/main/docs/diagnostics.md#";
}
