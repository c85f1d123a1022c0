import { classColour, classColourCount } from "./class-colours";

const classRules = Array.from({ length: classColourCount }, (_, i) => {
  const colour = `rgb(${classColour(i).join(" ")})`;
  return `.class-${i}{--class:light-dark(${colour},color-mix(in srgb,${colour} 62%,#fff))}`;
}).join("\n");

/** Steps of a table's shading, from none to all; the darkest still bears the page's ink. */
export const shades = 10;
const shadeRules = Array.from({ length: shades + 1 }, (_, i) => {
  const mixed = (most: number): string => `color-mix(in srgb,var(--accent) ${(most * i) / shades}%,var(--surface))`;
  return `.shade-${i}{background:light-dark(${mixed(60)},${mixed(40)})}`;
}).join("\n");

/** What every page begins with: system fonts, light and dark by the reader's setting, narrow windows, print; nothing is fetched. */
export const baseStyle = `
:root{color-scheme:light dark;
--page:light-dark(#f5f6f8,#111418);--surface:light-dark(#fff,#191d23);--sunken:light-dark(#eef0f3,#0c0f12);
--ink:light-dark(#1b2129,#e7eaee);--muted:light-dark(#55606c,#a3adb8);--line:light-dark(#dde1e6,#2c333b);
--accent:light-dark(#0f5f8c,#6cb8e6);--warn:light-dark(#7a4b00,#f2b84b);--warn-back:light-dark(#fff4dc,#33260c);
--bad:light-dark(#a3122f,#ff8fa0);--bad-back:light-dark(#fdeaee,#3a151c);--good:light-dark(#12633f,#70d3a1);
--radius:10px}
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main,.bar-inner,footer{max-width:1320px;margin:0 auto;padding:0 24px}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.skip{position:absolute;left:-999px}.skip:focus{left:8px;top:8px;background:var(--surface);padding:8px 12px;z-index:9}
header.bar{background:var(--surface);border-bottom:1px solid var(--line)}
.bar-inner{padding-top:20px;padding-bottom:18px}
.brand{color:var(--muted);font-size:13px;letter-spacing:.04em;margin:0}
h1{font-size:26px;line-height:1.25;margin:2px 0 8px;overflow-wrap:anywhere}
h2{font-size:18px;margin:0 0 12px}
h3{font-size:15px;margin:0 0 6px}
.facts{display:flex;flex-wrap:wrap;gap:4px 20px;margin:0;color:var(--muted);font-size:13px}
.facts span{overflow-wrap:anywhere}.facts strong{color:var(--ink);font-weight:600}
.notice{margin:18px 0 0;padding:10px 14px;border-radius:var(--radius);background:var(--warn-back);color:var(--warn);font-weight:600}
.notice.bad{background:var(--bad-back);color:var(--bad)}
section{margin:28px 0}
.panel{background:var(--surface);border:1px solid var(--line);border-radius:var(--radius);padding:18px 20px}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(420px,100%),1fr));gap:20px;align-items:start}.columns>*{min-width:0}
.columns>section{margin:0}.columns>section.wide{grid-column:1/-1}
table{border-collapse:collapse;width:100%;font-size:14px}
caption{text-align:left;color:var(--muted);font-size:13px;padding-bottom:8px}
th,td{text-align:left;padding:6px 10px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}
td{overflow-wrap:anywhere}th{overflow-wrap:break-word}th[scope=row] bdi{overflow-wrap:anywhere}
thead th{color:var(--muted);font-weight:600;font-size:13px}
tbody:last-child>tr:last-child>*{border-bottom:0}
.number{text-align:right;font-variant-numeric:tabular-nums}td.number{white-space:nowrap}
th.number,td.number{padding-right:0;padding-left:12px}
.scroll{overflow-x:auto;background:linear-gradient(270deg,var(--surface) 30%,transparent) 100%/40px 100% no-repeat local,linear-gradient(270deg,var(--line),transparent) 100%/14px 100% no-repeat}
.scroll th[scope=col],.scroll tbody th,.scroll td:not(.number,[class^=shade]){min-width:100px}.scroll td{overflow-wrap:break-word}.scroll tbody th:has(bdi){min-width:200px}
.dot{display:inline-block;width:10px;height:10px;border-radius:50%;background:var(--class);margin-right:8px}
.matrix th,.matrix td{padding:6px 10px;text-align:right;font-variant-numeric:tabular-nums;border:1px solid var(--surface)}
.matrix tbody th,.matrix th.corner,.matrix th[scope=colgroup]{text-align:left}
.matrix th{font-weight:600;font-size:13px;max-width:170px;vertical-align:bottom}.matrix tbody>tr>*{vertical-align:middle}
.matrix small{display:block;font-size:12px;white-space:nowrap}.matrix .right{box-shadow:inset 0 0 0 2px var(--accent)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(360px,100%),1fr));gap:20px;align-items:start;margin:28px 0}
.plots .plot{margin:0;min-width:0}
.plot figcaption{font-weight:650;margin-bottom:8px}
.plot svg{display:block;width:100%;max-width:540px;height:auto}
.plot text{font-size:13px;fill:var(--muted);font-variant-numeric:tabular-nums}.plot text.title{fill:var(--ink)}
.plot .rules line{stroke:var(--line)}.plot .frame{fill:none;stroke:var(--muted)}
.plot polyline{fill:none;stroke:var(--class);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}.plot .dashed{stroke-dasharray:7 5}
.plot circle{fill:var(--class)}.plot .bar{fill:color-mix(in srgb,var(--class) 45%,var(--surface));stroke:var(--class)}
.plot .guide{stroke:var(--muted);stroke-width:1.5;stroke-dasharray:4 4}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 18px;margin:8px 0 0;padding:0;font-size:13px}
.legend li{overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.key{display:inline-block;width:20px;border-top:3px solid var(--class);vertical-align:middle;margin-right:6px}.key.dashed{border-top-style:dashed}
dl.pairs{display:grid;grid-template-columns:fit-content(45%) minmax(0,1fr);gap:4px 16px;margin:0;font-size:14px}
dl.pairs dt{color:var(--muted);overflow-wrap:anywhere}dl.pairs dd{margin:0;overflow-wrap:anywhere}
pre{background:var(--sunken);border-radius:8px;padding:12px;overflow:auto;font-size:13px;margin:0;white-space:pre-wrap;overflow-wrap:anywhere}
code{font-size:13px;overflow-wrap:anywhere}
.help{color:var(--muted);font-size:13px;margin:10px 0 0;max-width:75ch}
footer{color:var(--muted);font-size:13px;padding-top:4px;padding-bottom:40px}footer p{margin:0 0 4px}
@media (max-width:720px){main,.bar-inner,footer{padding-left:14px;padding-right:14px}}
@media (max-width:520px){.panel{padding:14px}}
@media print{:root{color-scheme:light}*{print-color-adjust:exact}header.bar,.notice,.plot,figure,tr{break-inside:avoid}h2,h3{break-after:avoid}.scroll{overflow:visible}.scroll :is(th,td){min-width:0!important}.scroll table{font-size:12px}.scroll thead th{font-size:11px}}
${classRules}
${shadeRules}
`;
