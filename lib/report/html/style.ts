import { classColour, classColourCount } from "../class-colours";

const classRules = Array.from(
  { length: classColourCount },
  (_, i) =>
    `.class-${i}{--class:light-dark(rgb(${classColour(i).join(" ")}),color-mix(in srgb,rgb(${classColour(i).join(" ")}) 62%,#fff))}`,
).join("\n");
const shadeRules = Array.from(
  { length: 11 },
  (_, i) => `.shade-${i}{background:color-mix(in srgb,var(--accent) ${i * 6}%,var(--surface))}`,
).join("\n");

/** The report's style sheet: system fonts, light and dark by the reader's setting, nothing fetched. */
export const style = `
:root{color-scheme:light dark;
--page:light-dark(#f5f6f8,#111418);--surface:light-dark(#fff,#191d23);--sunken:light-dark(#eef0f3,#0c0f12);
--ink:light-dark(#1b2129,#e7eaee);--muted:light-dark(#55606c,#a3adb8);--line:light-dark(#dde1e6,#2c333b);
--accent:light-dark(#0f5f8c,#6cb8e6);--warn:light-dark(#7a4b00,#f2b84b);--warn-back:light-dark(#fff4dc,#33260c);
--bad:light-dark(#a3122f,#ff8fa0);--bad-back:light-dark(#fdeaee,#3a151c);--good:light-dark(#12633f,#70d3a1);
--opacity:.7;--radius:10px}
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main,.bar-inner{max-width:1320px;margin:0 auto;padding:0 24px}
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
.facts b{color:var(--ink);font-weight:600}
.notice{margin:18px 0 0;padding:10px 14px;border-radius:var(--radius);background:var(--warn-back);color:var(--warn);font-weight:600}
.notice.bad{background:var(--bad-back);color:var(--bad)}
section{margin:28px 0}
.panel{background:var(--surface);border:1px solid var(--line);border-radius:var(--radius);padding:18px 20px}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(420px,100%),1fr));gap:20px;align-items:start}.columns>*{min-width:0}
.columns>section{margin:0}.columns>section.wide{grid-column:1/-1}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:14px;margin:0}
.tiles div{background:var(--surface);border:1px solid var(--line);border-radius:var(--radius);padding:12px 16px}
.tiles dt{color:var(--muted);font-size:13px}.tiles dd{margin:0;font-size:28px;font-weight:650;font-variant-numeric:tabular-nums;line-height:1.2}
.tiles dd small{display:block;font-size:13px;font-weight:400;color:var(--muted)}
.tiles .bad dd{color:var(--bad)}.tiles .good dd{color:var(--good)}
table{border-collapse:collapse;width:100%;font-size:14px}
caption{text-align:left;color:var(--muted);font-size:13px;padding-bottom:8px}
th,td{text-align:left;padding:6px 10px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}
td{overflow-wrap:anywhere}th{overflow-wrap:break-word}th[scope=row] bdi{overflow-wrap:anywhere}
thead th{color:var(--muted);font-weight:600;font-size:13px}
tr:last-child>*{border-bottom:0}
.number{text-align:right;font-variant-numeric:tabular-nums}td.number{white-space:nowrap}
th.number,td.number{padding-right:0;padding-left:12px}
.scroll{overflow-x:auto}
.classes td.chart{width:42%;min-width:110px;vertical-align:middle;padding-left:18px;padding-right:0}
.classes svg{display:block;width:100%;height:12px}
.classes rect.back{fill:var(--sunken)}.classes rect.fill{fill:var(--class)}
.dot{display:inline-block;width:10px;height:10px;border-radius:50%;background:var(--class);margin-right:8px}
.matrix th,.matrix td{padding:6px 10px;text-align:right;font-variant-numeric:tabular-nums;border:1px solid var(--surface)}
.matrix thead th{text-align:right}.matrix tbody th{text-align:left}.matrix th{font-weight:600;font-size:13px;max-width:170px}.matrix .right{box-shadow:inset 0 0 0 2px var(--accent)}
.tools{position:sticky;top:0;z-index:3;display:flex;flex-wrap:wrap;gap:10px 12px;align-items:end;background:var(--surface);border:1px solid var(--line);border-radius:var(--radius);padding:12px 16px;margin-bottom:14px}
.field{display:grid;gap:3px}.field label{font-size:13px;color:var(--muted)}.field select,.field input{font-size:14px}.tools input[type=range]{width:120px}
.tools .grow{flex:1 1 160px;min-width:0}
.slider{display:flex;align-items:center;gap:8px;min-height:36px}.slider output,.slider .opacity-value{min-width:4.5ch;text-align:right;font-variant-numeric:tabular-nums}
input,select,button{font:inherit;color:var(--ink);background:var(--surface);border:1px solid light-dark(#8a949f,#6b7682);border-radius:7px;padding:6px 9px;min-height:36px;max-width:100%}
input[type=range]{padding:0;accent-color:var(--accent);border:0;background:none;width:160px}
button{cursor:pointer}
.shown{flex-basis:100%;margin:0;color:var(--muted);font-size:13px}
ul.grid{list-style:none;margin:0;padding:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(196px,1fr));gap:14px}
.card{position:relative;background:var(--surface);border:1px solid var(--line);border-radius:var(--radius);overflow:hidden;display:flex;flex-direction:column}
.picture{display:grid;background:var(--sunken);aspect-ratio:1;align-items:stretch}
.picture>*{grid-area:1/1;width:100%;height:100%;min-height:0;display:block;object-fit:contain}
.picture .layer{opacity:var(--opacity)}
.picture p{align-self:center;height:auto;margin:0;padding:16px;text-align:center;color:var(--muted);font-size:13px}
.picture p.bad b{display:block;color:var(--bad);margin-bottom:4px}.picture p.bad{overflow-wrap:anywhere;max-height:100%;overflow:hidden}
.words{padding:10px 12px 12px;display:grid;gap:4px;flex:1;align-content:start}
.words h3{margin:0;display:flex;justify-content:space-between;gap:8px;align-items:baseline;font-weight:650}
.words h3 span.name{overflow-wrap:anywhere}
.words .probability{font-variant-numeric:tabular-nums;font-weight:600}
.words p{margin:0}
.words .file{color:var(--muted);font-size:13px;display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical;overflow:hidden;overflow-wrap:anywhere}
.badges{display:flex;flex-wrap:wrap;gap:4px}
.badge{border-radius:99px;padding:1px 9px;font-size:12px;font-weight:600;background:var(--sunken);color:var(--muted)}
.badge.warn{background:var(--warn-back);color:var(--warn)}.badge.bad{background:var(--bad-back);color:var(--bad)}.badge.good{color:var(--good)}
.card button.open{margin-top:auto;justify-self:start;font-size:13px;min-height:32px;padding:3px 12px}
.card button.open::after{content:"";position:absolute;inset:0}
.card,.card button.open{scroll-margin-top:140px}
.card:hover{border-color:var(--accent)}
.more{display:none}
dialog{width:min(980px,calc(100vw - 32px));max-height:calc(100vh - 32px);border:1px solid var(--line);border-radius:14px;padding:0;background:var(--surface);color:var(--ink)}
dialog::backdrop{background:rgb(0 0 0/.55)}
.dialog-head{display:flex;justify-content:space-between;gap:16px;align-items:start;padding:16px 20px;border-bottom:1px solid var(--line);position:sticky;top:0;background:var(--surface);z-index:2}
.dialog-head h2{margin:0;overflow-wrap:anywhere;font-size:17px}
.dialog-body{display:grid;grid-template-columns:minmax(240px,400px) minmax(0,1fr);gap:22px;padding:20px;align-items:start}
.dialog-body .more{display:grid;gap:18px}
.dialog-body .picture{border-radius:var(--radius);overflow:hidden}
.dialog-body select{width:100%}.dialog-body .field{margin-top:10px}
.dialog-body input[type=range]{width:100%}
@media (max-width:520px){.classes .chart{display:none}.panel{padding:14px}}
@media (max-width:720px){.dialog-body{grid-template-columns:1fr}.tools{position:static}main,.bar-inner{padding-left:14px;padding-right:14px}}
dl.pairs{display:grid;grid-template-columns:minmax(120px,max-content) minmax(0,1fr);gap:4px 16px;margin:0;font-size:14px}
dl.pairs dt{color:var(--muted)}dl.pairs dd{margin:0;overflow-wrap:anywhere}
pre{background:var(--sunken);border-radius:8px;padding:12px;overflow:auto;font-size:13px;margin:0;white-space:pre-wrap;overflow-wrap:anywhere}
code{font-size:13px;overflow-wrap:anywhere}
.help{color:var(--muted);font-size:13px;margin:10px 0 0;max-width:75ch}
.links{display:flex;flex-wrap:wrap;gap:4px 14px;margin:0;font-size:13px}
footer{color:var(--muted);font-size:13px;padding:4px 0 40px}
@media print{.tools,.card button.open{display:none}.card{break-inside:avoid}}
${classRules}
${shadeRules}
`;
