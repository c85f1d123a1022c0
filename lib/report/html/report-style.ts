/** What a report has beside what all pages have: tiles, tools, cards and the dialog. */
export const reportStyle = `
:root{--opacity:.7}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:14px;margin:0}
.tiles div{background:var(--surface);border:1px solid var(--line);border-radius:var(--radius);padding:12px 16px}
.tiles dt{color:var(--muted);font-size:13px}.tiles dd{margin:0;font-size:28px;font-weight:650;font-variant-numeric:tabular-nums;line-height:1.2}
.tiles dd small{display:block;font-size:13px;font-weight:400;color:var(--muted)}
.tiles .bad dd{color:var(--bad)}.tiles .good dd{color:var(--good)}
.classes td.chart{width:42%;min-width:110px;vertical-align:middle;padding-left:18px;padding-right:0}
.classes svg{display:block;width:100%;height:12px}
.classes rect.back{fill:var(--sunken)}.classes rect.fill{fill:var(--class)}
.tools{position:sticky;top:0;z-index:3;display:flex;flex-wrap:wrap;gap:10px 12px;align-items:end;background:var(--surface);border:1px solid var(--line);border-radius:var(--radius);padding:12px 16px;margin-bottom:14px}
.field{display:grid;gap:3px}.field label{font-size:13px;color:var(--muted)}.field select,.field input{font-size:14px}.tools input[type=range]{width:120px}
.tools .grow{flex:1 1 160px;min-width:0}.grow input{width:100%}
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
.words h3{margin:0;display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 8px;align-items:baseline;font-weight:650}
.words h3 span.name{overflow-wrap:break-word;max-width:100%}
.words .probability{margin-left:auto;white-space:nowrap;font-variant-numeric:tabular-nums;font-weight:600}
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
@media (max-width:520px){.classes .chart{display:none}.tiles dd{font-size:22px}}
@media (max-width:720px){.dialog-body{grid-template-columns:1fr}.tools{position:static;display:grid;grid-template-columns:repeat(auto-fit,minmax(min(140px,100%),1fr))}.tools>.grow,.shown{grid-column:1/-1}.tools select{width:100%}}
.links{display:flex;flex-wrap:wrap;gap:4px 14px;margin:0;font-size:13px}
@media print{.tiles dd{font-size:22px}.tools,.card button.open{display:none}.card{break-inside:avoid}}
`;
