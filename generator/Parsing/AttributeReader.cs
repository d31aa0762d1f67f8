using System.Globalization;
using Microsoft.CodeAnalysis;
using SkipSoftmax.Generator.Diagnostics;
using SkipSoftmax.Generator.Model;
using SkipSoftmax.Generator.Variants;

namespace SkipSoftmax.Generator.Parsing;

/// <summary>Reads the attribute of a declaration, and checks that its values go together.</summary>
internal static class AttributeReader
{
    /// <summary>What is declared. Values with a mistake are as written.</summary>
    public static AttentionRequest Read(IMethodSymbol method, AttributeData attribute, MistakeCollector mistakes)
    {
        // The attribute's definition is linked into this assembly, so that its defaults stand in one place.
        SkipSoftmaxAttentionAttribute absent = new();
        AttributeArguments arguments = new(attribute, mistakes);
        AttentionRequest request = new()
        {
            Phase = arguments.ReadEnum(nameof(absent.Phase), absent.Phase),
            HeadDim = arguments.ReadHeadDim(nameof(absent.HeadDim)),
            QueryBlock = arguments.ReadBlockSize(nameof(absent.QueryBlock), absent.QueryBlock),
            KeyBlock = arguments.ReadBlockSize(nameof(absent.KeyBlock), absent.KeyBlock),
            Threshold = arguments.ReadEnum(nameof(absent.Threshold), absent.Threshold),
            Mask = arguments.ReadEnum(nameof(absent.Mask), absent.Mask),
            Element = arguments.ReadEnum(nameof(absent.Element), absent.Element),
            Targets = arguments.ReadTargets(nameof(absent.Targets), absent.Targets),
            Order = arguments.ReadEnum(nameof(absent.Order), absent.Order),
            KvLayout = arguments.ReadEnum(nameof(absent.KvLayout), absent.KvLayout),
            PageSize = arguments.ReadNumber(nameof(absent.PageSize), absent.PageSize),
            MaxQueryLength = arguments.ReadNumber(nameof(absent.MaxQueryLength), absent.MaxQueryLength),
            CountTiles = arguments.ReadFlag(nameof(absent.CountTiles), absent.CountTiles),
            RecordDecisions = arguments.ReadFlag(nameof(absent.RecordDecisions), absent.RecordDecisions),
            ReturnLse = arguments.ReadFlag(nameof(absent.ReturnLse), absent.ReturnLse),
        };
        if (arguments.AllValid && DecodeReader.Check(request, arguments, mistakes))
        {
            CheckTargets(method, request, arguments, mistakes);
        }
        return request;
    }

    private static void CheckTargets(IMethodSymbol method, AttentionRequest request, AttributeArguments arguments, MistakeCollector mistakes)
    {
        if (request.Element == ElementType.Float32 && request.Targets != GpuTargets.None)
        {
            mistakes.Report(SkipSoftmaxDiagnostics.ElementNotOnGpu, arguments.LocationOf(nameof(request.Element)),
                request.Element, string.Join(" | ", KernelFamilies.Split(request.Targets).Select(NameOf)));
            return;
        }

        foreach (GpuTargets target in KernelFamilies.Split(request.Targets))
        {
            switch (KernelFamilies.Find(target, request.Phase).Select(request))
            {
                case VariantSelection.UnsupportedHeadDim unsupported:
                    mistakes.Report(SkipSoftmaxDiagnostics.HeadDimNotOnTarget, arguments.LocationOf(nameof(request.HeadDim)),
                        request.HeadDim, request.Phase, NameOf(target), unsupported.Supported);
                    break;
                case VariantSelection.OverBudget { Overrun: var overrun, Remedy: var remedy, Argument: var argument }:
                    mistakes.Report(SkipSoftmaxDiagnostics.OverBudget, arguments.LocationOf(argument),
                        method.Name, NameOf(target), overrun.Budget, Text(overrun.Needed), Text(overrun.Limit), remedy);
                    break;
            }
        }
    }

    private static string NameOf(GpuTargets target) => $"{nameof(GpuTargets)}.{target}";

    private static string Text(int value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
