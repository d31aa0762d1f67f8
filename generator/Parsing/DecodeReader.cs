using System.Collections.Immutable;
using System.Globalization;
using SkipSoftmax.Generator.Diagnostics;
using SkipSoftmax.Generator.Model;

namespace SkipSoftmax.Generator.Parsing;

/// <summary>Checks what only one of the phases has: an order and query blocks of prefill, pages and query tokens of decode.</summary>
internal static class DecodeReader
{
    public const int MostQueries = 8;

    private static readonly ImmutableArray<int> PageSizes = [16, 32, 64, 128];

    /// <summary>Whether the values go together; otherwise the mistakes have been reported.</summary>
    public static bool Check(AttentionRequest request, AttributeArguments arguments, MistakeCollector mistakes)
    {
        bool valid = true;
        if (request.Phase == AttentionPhase.Decode)
        {
            Refuse(nameof(request.QueryBlock), "all query rows that share a key/value head decide together; remove it");
            Refuse(nameof(request.Order), "a tile is judged against the sink tile and the newest tile, in no order; remove it");
            if (request.MaxQueryLength is < 1 or > MostQueries)
            {
                Report(SkipSoftmaxDiagnostics.UnsupportedQueryLength, nameof(request.MaxQueryLength), Text(request.MaxQueryLength));
            }
            CheckPageSize();
        }
        else
        {
            const string remedy = "it belongs to decode; remove it, or declare Phase = AttentionPhase.Decode";
            Refuse(nameof(request.KvLayout), remedy);
            Refuse(nameof(request.PageSize), remedy);
            Refuse(nameof(request.MaxQueryLength), remedy);
        }
        return valid;

        void CheckPageSize()
        {
            bool given = arguments.Has(nameof(request.PageSize));
            if (request.KvLayout == KvLayout.Contiguous && given)
            {
                Report(SkipSoftmaxDiagnostics.PageSizeMismatch, nameof(request.PageSize), $"PageSize = {Text(request.PageSize)} is given, but KvLayout is KvLayout.Contiguous",
                    "declare KvLayout = KvLayout.Paged, or remove it");
            }
            else if (request.KvLayout == KvLayout.Paged && !PageSizes.Contains(request.PageSize))
            {
                Report(SkipSoftmaxDiagnostics.PageSizeMismatch, given ? nameof(request.PageSize) : nameof(request.KvLayout),
                    given ? $"PageSize = {Text(request.PageSize)} is not supported" : "KvLayout = KvLayout.Paged is declared without a PageSize", "set PageSize to 16, 32, 64 or 128");
            }
        }

        void Refuse(string name, string remedy)
        {
            if (arguments.Has(name))
            {
                Report(SkipSoftmaxDiagnostics.NotOfThisPhase, name, name, request.Phase, remedy);
            }
        }

        void Report(Microsoft.CodeAnalysis.DiagnosticDescriptor descriptor, string name, params object[] values)
        {
            valid = false;
            mistakes.Report(descriptor, arguments.LocationOf(name), values);
        }
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
