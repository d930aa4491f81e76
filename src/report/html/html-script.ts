// The page's own script: the case table with its filters in the address, rows made as they are scrolled to, keys. Plain
// JavaScript without a build; the page's policy names it by hash, so nothing else in the page can ever run.

/** Reads `#case-data` (rows) and, when the first case is opened, `#case-details` (markup made safe by the renderer). */
export const TABLE_SCRIPT = `(function () {
'use strict';
var byId = function (id) { return document.getElementById(id); };
var cases = JSON.parse(byId('case-data').textContent);
var details = null;
var body = byId('rows'), status = byId('shown'), filters = byId('filters'), more = byId('more');
var keys = ['show', 'verdict', 'tag', 'check', 'q', 'sort'];
var preset = { show: cases.some(function (c) { return c.changed; }) ? 'changed' : 'all', verdict: '', tag: '', check: '', q: '', sort: 'change' };
var state = Object.assign({ open: '' }, preset);
var found = [], made = 0, PAGE = 60, COLUMNS = body.parentNode.tHead.rows[0].cells.length;

function node(name, text, cls) {
  var el = document.createElement(name);
  if (text !== undefined) el.textContent = text;
  if (cls) el.className = cls;
  return el;
}
function readAddress() {
  if (location.hash.indexOf('=') < 0) return false;
  var given = new URLSearchParams(location.hash.slice(1));
  keys.forEach(function (k) { state[k] = given.has(k) ? given.get(k) : preset[k]; });
  state.open = given.get('case') || '';
  return true;
}
function writeAddress() {
  var out = new URLSearchParams();
  keys.forEach(function (k) { if (state[k] !== preset[k]) out.set(k, state[k]); });
  if (state.open) out.set('case', state.open);
  var text = out.toString();
  if (text === '' && location.hash.indexOf('=') < 0) return;
  try { history.replaceState(null, '', '#' + (text || 'cases=')); } catch (e) { location.replace('#' + (text || 'cases=')); }
}
function fits(c) {
  if (state.show === 'changed' && !c.changed && state.open !== c.id) return false;
  if (state.verdict && c.verdict !== state.verdict) return false;
  if (state.tag && c.tags.indexOf(state.tag) < 0) return false;
  if (state.check && c.checks.indexOf(state.check) < 0) return false;
  if (!state.q) return true;
  var q = state.q.toLowerCase();
  return (c.id + ' ' + c.tags.join(' ') + ' ' + (c.group || '') + ' ' + c.reason + ' ' + c.checks.join(' ')).toLowerCase().indexOf(q) >= 0;
}
function sorted(list) {
  if (state.sort === 'id') return list.slice().sort(function (a, b) { return a.id < b.id ? -1 : 1; });
  if (state.sort === 'better') return list.slice().sort(function (a, b) { return (b.delta || 0) - (a.delta || 0); });
  if (state.sort === 'tag') return list.slice().sort(function (a, b) { var x = a.tags[0] || '~', y = b.tags[0] || '~'; return x < y ? -1 : x > y ? 1 : 0; });
  return list;
}
function row(c) {
  var tr = node('tr'), id = node('th'), button = node('button', c.id);
  id.scope = 'row';
  button.type = 'button';
  button.setAttribute('aria-expanded', 'false');
  button.dataset.id = c.id;
  id.append(button);
  if (c.critical) id.append(' ', node('strong', 'critical'));
  if (c.flaky) id.append(' ', node('span', 'flaky', 'dim small'));
  var tags = node('div');
  c.tags.forEach(function (t) { tags.append(node('span', t, 'tag')); });
  id.append(tags);
  tr.append(id);
  c.cells.forEach(function (cell) {
    var td = node('td', undefined, cell.length > 2 ? 'n' : undefined);
    if (cell[1]) td.append(node('span', cell[0], cell[1])); else td.textContent = cell[0];
    tr.append(td);
  });
  return tr;
}
function make(n) {
  var part = document.createDocumentFragment();
  for (; made < found.length && n > 0; made++, n--) part.append(row(found[made]));
  body.append(part);
  more.hidden = made >= found.length;
}
function draw() {
  found = sorted(cases.filter(fits));
  body.textContent = '';
  made = 0;
  make(PAGE);
  status.textContent = found.length.toLocaleString('en-US') + ' of ' + cases.length.toLocaleString('en-US') + ' cases';
  if (found.length === 0) {
    var tr = node('tr'), td = node('td', 'No case fits these filters.', 'dim');
    td.colSpan = COLUMNS;
    tr.append(td);
    body.append(tr);
  }
}
function fill() { keys.forEach(function (k) { var el = byId('f-' + k); if (el) { el.value = state[k]; if (el.value !== state[k]) { state[k] = preset[k]; el.value = preset[k]; } } }); }
function buttonOf(id) {
  var at = found.findIndex(function (c) { return c.id === id; });
  if (at < 0) return null;
  if (at >= made) make(at - made + PAGE);
  return Array.prototype.find.call(body.querySelectorAll('button[data-id]'), function (b) { return b.dataset.id === id; }) || null;
}
function toggle(button) {
  var tr = button.closest('tr'), next = tr.nextElementSibling, id = button.dataset.id;
  if (next && next.classList.contains('more')) {
    next.remove();
    tr.classList.remove('open');
    button.setAttribute('aria-expanded', 'false');
    if (state.open === id) state.open = '';
    writeAddress();
    return;
  }
  if (details === null) details = JSON.parse(byId('case-details').textContent);
  var box = node('tr', undefined, 'more'), cell = node('td');
  cell.colSpan = COLUMNS;
  if (Object.prototype.hasOwnProperty.call(details, id)) cell.innerHTML = details[id];
  else cell.append(node('p', 'The outputs of this case are not in this page, to keep it small. The ledger has them:'), node('code', byId('rows').dataset.show + ' --case ' + id));
  box.append(cell);
  tr.after(box);
  tr.classList.add('open');
  button.setAttribute('aria-expanded', 'true');
  state.open = id;
  writeAddress();
}
function openNamed() {
  if (!state.open) return;
  var button = buttonOf(state.open);
  if (button === null) return;
  if (button.getAttribute('aria-expanded') === 'false') toggle(button);
  button.scrollIntoView({ block: 'start' });
  button.focus({ preventScroll: true });
}
filters.addEventListener('input', function (event) {
  var k = event.target.id.slice(2);
  if (keys.indexOf(k) < 0) return;
  state[k] = event.target.value;
  state.open = '';
  if (k === 'verdict' && state.verdict && !cases.some(function (c) { return c.changed && c.verdict === state.verdict; })) { state.show = 'all'; fill(); }
  draw();
  writeAddress();
});
byId('reset').addEventListener('click', function () { Object.assign(state, preset, { open: '' }); fill(); draw(); writeAddress(); });
body.addEventListener('click', function (event) {
  var button = event.target.closest('button[data-id]');
  if (button) toggle(button);
});
more.addEventListener('click', function () { make(PAGE * 4); });
if ('IntersectionObserver' in window) new IntersectionObserver(function (seen) {
  if (seen.some(function (s) { return s.isIntersecting; })) make(PAGE * 2);
}, { rootMargin: '600px' }).observe(more);
document.addEventListener('keydown', function (event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  var at = document.activeElement, typing = at && /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName);
  if (typing) { if (event.key === 'Escape') at.blur(); return; }
  if (event.key === '/') { event.preventDefault(); byId('f-q').focus(); return; }
  if (event.key !== 'j' && event.key !== 'k') return;
  var buttons = Array.prototype.slice.call(body.querySelectorAll('button[data-id]'));
  var now = buttons.indexOf(at);
  var next = event.key === 'j' ? now + 1 : now < 0 ? 0 : now - 1;
  if (next >= buttons.length) { make(PAGE); buttons = Array.prototype.slice.call(body.querySelectorAll('button[data-id]')); }
  if (buttons[next]) { event.preventDefault(); buttons[next].focus(); buttons[next].scrollIntoView({ block: 'nearest' }); }
});
window.addEventListener('hashchange', function () { if (readAddress()) { fill(); draw(); openNamed(); } });
window.addEventListener('beforeprint', function () {
  make(Math.max(0, 500 - made));
  document.querySelectorAll('details').forEach(function (d) { d.open = true; });
});
readAddress();
fill();
filters.hidden = false;
draw();
openNamed();
document.documentElement.dataset.ready = String(Math.round(performance.now()));
})();`;
