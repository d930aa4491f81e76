// How the HTML pages look: one sheet, light and dark, narrow and printed. No fonts, no images, nothing to load.

export const PAGE_STYLE = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1c1e21;--dim:#59606a;--line:#d5d9de;--card:#f5f6f8;--bad:#b3261e;--good:#186238;--warn:#7a4f00;--accent:#2353a0;--before:#6a5acd;--del:#ffdcd9;--ins:#cdf2d8;--pick:#eef3fc}
@media (prefers-color-scheme:dark){:root{--bg:#15171a;--fg:#e6e8eb;--dim:#a3abb6;--line:#3a4048;--card:#1e2126;--bad:#ff8a80;--good:#7bd79b;--warn:#f0c060;--accent:#8ab4f8;--before:#b9a8ff;--del:#5c2522;--ins:#1d4a2d;--pick:#22293a}}
[hidden]{display:none!important}*{box-sizing:border-box}html{scroll-padding-top:8px}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{margin:0 auto;max-width:1120px;padding:20px 20px 64px}
.skip{position:absolute;left:-9999px;top:0;background:var(--bg);padding:8px 12px;z-index:2}.skip:focus{left:8px;top:8px}
h1{font-size:22px;line-height:1.35;margin:0 0 8px}h2{font-size:18px;margin:36px 0 10px;border-bottom:1px solid var(--line);padding-bottom:4px}h3{font-size:15px;margin:18px 0 6px}
p{margin:8px 0}a{color:var(--accent)}nav{font-size:14px;margin:12px 0}nav a{margin-right:14px;display:inline-block}
.verdict{display:inline-block;font-weight:700;padding:0 10px;border-radius:6px;border:2px solid currentColor;margin-right:10px;text-transform:uppercase;font-size:17px}
.bad{color:var(--bad)}.good{color:var(--good)}.warn{color:var(--warn)}.dim{color:var(--dim)}.small{font-size:13px}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;margin:8px 0}caption{text-align:left;color:var(--dim);font-size:13px;padding:0 0 4px}
th,td{text-align:left;padding:5px 12px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}th{font-weight:600}thead th{font-size:13px;color:var(--dim)}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code{font:13px/1.45 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
.pair{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:12px}
pre{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:10px;margin:4px 0;white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;max-height:440px;overflow:auto}
del{background:var(--del);text-decoration:line-through;text-decoration-thickness:1px}ins{background:var(--ins);text-decoration:underline;text-decoration-thickness:1px;text-underline-offset:2px}
.asked pre{max-height:200px}
details{margin:6px 0}summary{cursor:pointer}.card{border:1px solid var(--line);border-radius:8px;padding:8px 14px;margin:10px 0}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:10px;margin:12px 0;padding:0}.cards>div{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:8px 12px;break-inside:avoid}.cards dt{font-size:13px;color:var(--dim)}.cards dd{margin:0;font-size:18px;font-weight:600;line-height:1.35;overflow-wrap:anywhere}.cards dd.small{font-size:13px;font-weight:400}ol{padding-left:22px}
.banner{background:var(--card);border-left:4px solid var(--warn);padding:8px 12px;margin:12px 0}
figure{margin:8px 0}figcaption{color:var(--dim);font-size:13px;margin-bottom:2px}svg{max-width:100%;height:auto;display:block}td svg{width:120px;max-width:none}svg text{fill:var(--dim);font:12px system-ui,"DejaVu Sans",sans-serif}svg .on{fill:var(--fg)}
.wide{overflow-x:auto}.wide svg{min-width:620px}
.two{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:20px}
.flips{width:auto}.flips td{min-width:96px;text-align:center;font-size:18px;font-variant-numeric:tabular-nums;padding:10px;border:1px solid var(--line)}.flips th{padding:6px 10px;border:1px solid var(--line);vertical-align:middle}.flips .hot{font-weight:700}
.filters{display:flex;flex-wrap:wrap;gap:10px 16px;align-items:end;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 14px;margin:8px 0}
.filters label{display:flex;flex-direction:column;font-size:13px;color:var(--dim)}
select,input{font:inherit;color:var(--fg);background:var(--bg);border:1px solid var(--line);border-radius:5px;padding:4px 8px;min-height:32px;max-width:100%}
button{font:inherit;color:var(--fg);background:var(--bg);border:1px solid var(--line);border-radius:5px;padding:3px 10px;min-height:32px;cursor:pointer}
#rows button{border:0;background:none;padding:0;min-height:0;text-align:left;color:var(--accent);text-decoration:underline;font:13px/1.45 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
#rows th{min-width:190px}#rows tr.open>td,#rows tr.open>th{background:var(--pick)}#rows tr.more>td{padding:4px 0 16px 12px;border-left:3px solid var(--accent)}
.tag{display:inline-block;font-weight:400;border:1px solid var(--line);border-radius:10px;padding:0 7px;font-size:12px;margin:0 4px 2px 0;color:var(--dim);overflow-wrap:anywhere}
ul.grades{list-style:none;padding:0;margin:4px 0}ul.grades ul{margin:2px 0 4px 18px;padding:0 0 0 14px}ul.grades li{margin:2px 0;overflow-wrap:anywhere}
kbd{border:1px solid var(--line);border-radius:4px;padding:0 5px;font:12px ui-monospace,"DejaVu Sans Mono",monospace;background:var(--card)}
@media (max-width:760px){.cards{grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:8px}.cards dd{font-size:16px}main{padding:14px 12px 48px}.pair,.two{grid-template-columns:minmax(0,1fr)}h1{font-size:19px}.verdict{display:table;margin-bottom:6px}.filters label{flex:1 1 40%}.scroll.stack thead{display:none}.scroll.stack tr{display:block;border-bottom:1px solid var(--line);padding:6px 0}.scroll.stack th,.scroll.stack td{display:inline;border:0;padding:0 8px 0 0}.scroll.stack td:last-child{display:block}.scroll table{min-width:520px}.scroll.stack table,.scroll.fit table{min-width:0}.scroll table:has(#rows){min-width:900px}.scroll code{overflow-wrap:normal}}
@media print{:root{color-scheme:light;--bg:#fff;--fg:#000;--dim:#444;--line:#bbb;--card:#fff;--bad:#8c1d18;--good:#0f4d2a;--warn:#5c3b00;--accent:#1c4280;--before:#4b3fa0;--del:#ffe3e0;--ins:#dcf5e3;--pick:#fff}
body{font-size:11pt}main{max-width:none;padding:0}nav,.filters,.skip,.screen{display:none}pre{max-height:none;overflow:visible}h2,h3,figcaption{break-after:avoid}tr,figure,.pair pre{break-inside:avoid-page}.scroll,.wide{overflow:visible}.wide svg{min-width:0}*{print-color-adjust:exact}}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
`;
