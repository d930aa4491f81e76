// The script of the server's pages: follows the stream of changes, and loads what changed without losing what a person types.

/** Small, without dependencies; the content security policy lets exactly this text run. */
export const LIVE_SCRIPT = `
(function () {
  'use strict';
  var live = document.getElementById('live');
  if (live === null || !('EventSource' in window)) return;
  var news = document.getElementById('news');
  var newest = live.dataset.stamp;
  var loading = false;

  function typed() {
    return Array.prototype.some.call(live.querySelectorAll('input, textarea, select'), function (field) {
      if (field.type === 'hidden') return false;
      if (field.tagName === 'SELECT')
        return Array.prototype.some.call(field.options, function (o) { return o.selected !== o.defaultSelected && o.index > 0; });
      return field.value !== field.defaultValue;
    });
  }

  function put(text) {
    var fresh = new DOMParser().parseFromString(text, 'text/html').getElementById('live');
    if (fresh === null) { location.reload(); return; }
    var focused = document.activeElement !== null && live.contains(document.activeElement) ? document.activeElement.id : '';
    var opened = Array.prototype.map.call(live.querySelectorAll('details[open][id]'), function (d) { return d.id; });
    live.replaceWith(fresh);
    live = fresh;
    opened.forEach(function (id) { var d = document.getElementById(id); if (d !== null) d.open = true; });
    var again = focused === '' ? null : document.getElementById(focused);
    if (again !== null) again.focus({ preventScroll: true });
  }

  function load() {
    if (loading) return;
    loading = true;
    fetch(location.href, { headers: { accept: 'text/html' }, credentials: 'same-origin', redirect: 'manual' })
      .then(function (answer) {
        if (answer.type === 'opaqueredirect') { location.reload(); return null; }
        return answer.ok ? answer.text() : null;
      })
      .then(function (text) {
        loading = false;
        if (text === null) return;
        if (typed()) { news.hidden = false; return; }
        put(text);
        if (live.dataset.stamp !== newest) later();
      }, function () { loading = false; later(); });
  }

  // A change that arrived while the page was loading is loaded a moment later.
  function later() { setTimeout(function () { if (live.dataset.stamp !== newest) load(); }, 1000); }

  document.getElementById('reload').addEventListener('click', function () { location.reload(); });
  var source = new EventSource('/api/events');
  source.addEventListener('change', function (event) {
    newest = JSON.parse(event.data).stamp;
    if (newest === live.dataset.stamp) return;
    if (typed()) news.hidden = false;
    else load();
  });
  addEventListener('pagehide', function () { source.close(); });
})();
`;
