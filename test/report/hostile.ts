// Texts a model might write to break out of a page. Each would make a noise if it came to life.

export const HOSTILE = [
  '<script>alert("script")</script>',
  '</script><script>alert("closing")</script>',
  '</pre></div></main><img src=x onerror=alert("img")>',
  '"><svg onload=alert("svg")>',
  "' onmouseover='alert(1)' x='",
  '<iframe src="https://example.invalid/frame"></iframe>',
  '<link rel=stylesheet href=https://example.invalid/a.css><style>@import url(https://example.invalid/b.css)</style>',
  '<meta http-equiv=refresh content="0;url=https://example.invalid/gone">',
  '<base href="https://example.invalid/">',
  '<form action=https://example.invalid/post><button id=send autofocus>Send</button></form>',
  '<a href="javascript:alert(2)">click</a> <object data=https://example.invalid/o></object>',
  '<!-- <script> --!> ]]> {{7*7}} \u0024{alert(3)}',
  'javascript:alert(5) &lt;script&gt; &#60;img src=x onerror=alert(6)&#62;',
  '\u2028alert(7)\u2029 \u202etxt.exe \u0000\u001b[31mred\u0007 \ud800 lone',
  '__proto__ constructor hasOwnProperty',
] as const;
