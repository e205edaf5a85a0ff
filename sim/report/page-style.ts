import { DARK, FONT, INK, SERIES } from '../charts/theme.ts'

/** The page's style rules: light and dark as the reader's machine is set, and always light on paper. */
export function pageStyle(): string {
  return `${LAYOUT}\n@media screen and (prefers-color-scheme: dark){${dark()}}\n${PRINT}`
}

const LAYOUT = `
:root{color-scheme:light dark;--paper:${INK.paper};--text:${INK.text};--quiet:${INK.quiet};--line:#dfe4e9;--soft:#f4f6f8;--accent:${SERIES[0]}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--text);font:16px/1.6 ${FONT};-webkit-text-size-adjust:100%}
main{max-width:960px;margin:0 auto;padding:56px 24px 72px}
h1{font-size:32px;line-height:1.2;letter-spacing:-.02em;margin:0 0 16px;text-wrap:balance}
h2{font-size:20px;line-height:1.3;letter-spacing:-.01em;margin:0 0 4px}
.lead{font-size:18px;max-width:44em;margin:0 0 28px;text-wrap:pretty}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:0 0 24px}
.facts div{background:var(--soft);border-radius:10px;padding:14px 16px;display:flex;flex-direction:column-reverse;justify-content:flex-end}
dt{color:var(--quiet);font-size:13px;line-height:1.35}
dd{margin:0;font-size:24px;line-height:1.25;font-weight:700;letter-spacing:-.01em;overflow-wrap:anywhere}
.command{margin:0 0 8px;color:var(--quiet);font-size:14px}
pre{margin:6px 0 0;padding:12px 16px;background:var(--soft);border-radius:10px;color:var(--text);overflow-x:auto;font:14px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
section{margin-top:52px}
figure{margin:0}
.caption{margin:0 0 12px;color:var(--quiet);max-width:52em;text-wrap:pretty}
.scroll{overflow-x:auto}
.drawing svg{display:block;max-width:100%;min-width:min(100%,600px);height:auto}
table{border-collapse:collapse;width:100%;font-size:14.5px;line-height:1.4}
th,td{padding:8px 14px;border-bottom:1px solid var(--line);vertical-align:baseline}
th:first-child,td:first-child{padding-left:0}
th:last-child,td:last-child{padding-right:0}
th{color:var(--quiet);font-weight:400;font-size:13px;border-bottom-color:var(--quiet);vertical-align:bottom}
td{font-variant-numeric:tabular-nums}
.left{text-align:left}
.right{text-align:right}
footer{margin-top:56px;padding-top:16px;border-top:1px solid var(--line);color:var(--quiet);font-size:14px}
@media (max-width:640px){main{padding:32px 16px 48px}h1{font-size:26px}.lead{font-size:17px}.drawing svg{max-width:none;width:640px}}
`

const PRINT = `
@media print{
@page{margin:16mm}
body{font-size:11pt}
main{max-width:none;padding:0}
section,.facts,pre{break-inside:avoid}
.facts div,pre{border:1px solid var(--line)}
section{margin-top:9mm}
h2{break-after:avoid}
thead{display:table-header-group}
}
`

/** Drawings carry the light colours as attributes, which any rule of style overrides. */
function dark(): string {
  const page = `:root{--paper:${DARK[INK.paper]};--text:${DARK[INK.text]};--quiet:${DARK[INK.quiet]};--line:#26313c;--soft:#18212a;--accent:${DARK[SERIES[0]]}}`
  const drawing = Object.entries(DARK).map(
    ([light, tint]) =>
      `.drawing [fill="${light}"]{fill:${tint}}.drawing [stroke="${light}"]{stroke:${tint}}`,
  )
  return `\n${[page, ...drawing].join('\n')}\n`
}
