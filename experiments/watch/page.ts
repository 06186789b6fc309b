import { escapeHtml } from "../../lib/experiment/tables/table.ts";
import { encode, type Update } from "./snapshot.ts";

/** The page's parts. */
export interface PageParts {
  /** The program that fills it, without imports. */
  readonly script: string;
  readonly style: string;
  /** What it shows for good; without, it asks its server time and again. */
  readonly data?: Update;
}

/** A page, and what a browser may do with it. */
export interface Page {
  readonly html: string;
  readonly policy: string;
}

/** A program as it may stand in HTML, where `</script` and `<!--` mean something else. */
function scriptText(code: string): string {
  return code.replaceAll(/<(?=\/script|!--)/gi, "\\x3C");
}

/** Data as they may stand in HTML. */
function dataText(data: Update): string {
  return encode(data).replaceAll("<", "\\u003c");
}

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `'sha256-${new Uint8Array(digest).toBase64()}'`;
}

/** The page as one file, which loads nothing and runs nothing but its own program. */
export async function watchPage({ script, style, data }: PageParts): Promise<Page> {
  const program = scriptText(script);
  const policy = [
    "default-src 'none'",
    `script-src ${await hashOf(program)}`,
    "style-src 'unsafe-inline'", // figures have rules of their own
    "img-src data:", // the empty picture in place of an icon
    data ? "connect-src 'none'" : "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const title = `Runs${data ? ` of ${data.folder}` : ""}`;
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the runs</a>
<main id="main" tabindex="-1"><noscript>This page needs JavaScript to show its runs.</noscript></main>
${data ? `<script type="application/json" id="data">${dataText(data)}</script>\n` : ""}<script>${program}</script>
</body>
</html>
`;
  return { html, policy };
}
