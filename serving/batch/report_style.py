"""How the summary of a run looks; it is one file, so this goes into its head."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5c6570; --line: #d5d9de; --paper: #fff; --panel: #f5f7f9;
  --allow: #4a8f6a; --review: #d19a2a; --block: #b8453c; --error: #8a93a0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --soft: #a3abb5; --line: #3a4149; --paper: #15181c;
  --panel: #1e2328; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem clamp(1rem, 4vw, 3rem) 3rem; max-width: 60rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0; } header p { margin: .2rem 0 1.2rem; color: var(--soft); }
h2 { font-size: 1.3rem; margin: 2.4rem 0 .7rem; } q { quotes: none; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; margin: 0; padding: 1rem 1.2rem;
  background: var(--panel); border-radius: .4rem; }
dt, figcaption, .axis, footer { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; min-width: 20rem; }
th, td { padding: .3rem 1.2rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); }
th { border-bottom-width: 2px; font-weight: 600; }
th:nth-child(n+2), td:nth-child(n+2) { text-align: right; padding: .3rem 0 .3rem 1.2rem; }
.allow { background: var(--allow); } .review { background: var(--review); } .block { background: var(--block); }
.error, .none { background: var(--error); }
.key { display: inline-block; width: .8rem; height: .8rem; margin-right: .6rem; border-radius: .15rem; }
.stack { display: flex; height: 1.6rem; gap: 2px; margin-bottom: .9rem; border-radius: .3rem; overflow: hidden; }
.stack i { flex-basis: 0; min-width: 2px; }
figure { margin: 0 0 2.2rem; } figcaption b { color: var(--ink); margin-right: .6rem; }
.plot { position: relative; display: flex; align-items: flex-end; gap: 2px; height: 14rem; padding-top: 3.2rem;
  border-bottom: 1px solid var(--soft); }
.plot i { flex: 1; border-radius: .15rem .15rem 0 0; }
.mark { position: absolute; top: 0; bottom: 0; margin: 0; padding-left: .4rem; font-size: .85rem; white-space: nowrap;
  background: none; border-left: 2px dashed var(--ink); }
.mark.block { padding-top: 1.4rem; } .mark.left { border-left: 0; border-right: 2px dashed var(--ink);
  padding: 0 .4rem 0 0; transform: translateX(-100%); } .mark.block.left { padding-top: 1.4rem; }
.mark:not(.review, .block) { border: 0; padding: 0; }
.axis { display: flex; justify-content: space-between; font-size: .85rem; font-variant-numeric: tabular-nums; }
footer { margin-top: 2rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: .9rem; }
@media print { :root { color-scheme: light; } * { print-color-adjust: exact; } figure, tr { break-inside: avoid; } }
"""
