// What a reader on a phone would trip over on the page that is open. Evaluated by tests/integration/test_pages_chromium.py.
(width) => {
  const wrong = [];
  const called = (e) => `<${e.tagName.toLowerCase()}> "${(e.innerText || e.value || '').trim().slice(0, 40)}"`;
  const colour = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  // https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const ground = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      if (found[3] === 1) return found;
      if (found[3] > 0) wrong.push(`${called(at)} is half transparent: nobody knows how it can be read`);
    }
    wrong.push(`${called(e)} stands on no colour of its own`);
    return [255, 255, 255, 1];
  };
  const seen = (e) => {
    const box = e.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && getComputedStyle(e).visibility === 'visible';
  };

  const total = document.scrollingElement.scrollWidth;
  if (total > width) wrong.push(`the page is ${total} px wide on a screen of ${width}`);

  const speaking = new Set(document.querySelectorAll('select'));
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement;
    if (texts.currentNode.data.trim() && !e.closest('select')) speaking.add(e);
  }
  for (const e of speaking) {
    if (!seen(e)) continue;
    const style = getComputedStyle(e);
    const box = e.getBoundingClientRect();
    if (parseFloat(style.fontSize) < 16) wrong.push(`${called(e)} is written in ${style.fontSize}`);
    const ratio = contrast(colour(style.color), ground(e));
    if (ratio < 4.5) wrong.push(`${called(e)} has a contrast of ${ratio.toFixed(2)}`);
    if (box.right > width + 0.5 || box.left < -0.5) wrong.push(`${called(e)} goes over the edge`);
    if (e.scrollWidth > e.clientWidth + 1 && style.display !== 'inline') wrong.push(`${called(e)} is cut off`);
  }
  // https://www.w3.org/TR/WCAG22/#target-size-enhanced; a tick box is pressed by its whole line.
  const alone = [...document.querySelectorAll('input:not([type=hidden])')].filter((e) => !e.closest('label'));
  const targets = [...document.querySelectorAll('button, a, select, label:has(input)'), ...alone];
  for (const e of targets.filter(seen)) {
    const box = e.getBoundingClientRect();
    if (box.height < 44 || box.width < 44) wrong.push(`${called(e)} is ${box.width.toFixed()} x ${box.height.toFixed()} px`);
  }
  if (!speaking.size) wrong.push('the page says nothing');
  return wrong;
}
