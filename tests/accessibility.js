// Rules of tests/accessibility.py over the document; gives what breaks one, and how many texts were looked at.
(() => {
  const found = [], all = (selector) => Array.from(document.querySelectorAll(selector));
  const seen = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && node.getClientRects().length > 0;
  const tell = (rule, node) => found.push(`${rule}: ${node ? node.outerHTML.slice(0, 120) : ""}`);
  if (!/^[a-z]{2}/.test(document.documentElement.lang)) tell("no language");
  if (!document.title.trim()) tell("no title");
  if (all("main").filter(seen).length > 1) tell("several main landmarks");
  if (!all("main, form").some(seen)) tell("no main landmark");
  if (all("h1").filter(seen).length !== 1) tell("not exactly one h1");
  let level = 0;
  for (const head of all("h1, h2, h3, h4, h5, h6").filter(seen)) {
    const next = Number(head.tagName[1]);
    if (next > level + 1) tell(`heading h${next} after h${level}`, head);
    if (!head.textContent.trim()) tell("empty heading", head);
    level = next;
  }
  const ids = all("[id]").map((node) => node.id);
  for (const id of new Set(ids.filter((one, place) => ids.indexOf(one) !== place))) tell(`id ${id} is used twice`);
  for (const name of ["aria-labelledby", "aria-describedby", "aria-controls", "for"])
    for (const node of all(`[${name}]`))
      for (const id of node.getAttribute(name).split(/\s+/)) if (!document.getElementById(id)) tell(`${name} names nothing`, node);
  for (const node of all("input, select, textarea").filter(seen)) if (!node.labels.length && !node.getAttribute("aria-label")) tell("no label", node);
  for (const node of all("img:not([alt])")) tell("no alt", node);
  for (const node of all("[tabindex]")) if (node.tabIndex > 0) tell("positive tabindex", node);
  for (const node of all("th:not([scope])")) tell("th without scope", node);
  for (const node of all("table").filter(seen)) if (!node.querySelector("th")) tell("table without heads", node);
  for (const node of all("ul, ol")) for (const child of node.children) if (!["LI", "SCRIPT", "TEMPLATE"].includes(child.tagName)) tell("list with another child", child);
  for (const node of all("body *").filter(seen)) {
    const style = getComputedStyle(node), spare = Math.max(node.scrollHeight - node.clientHeight, node.scrollWidth - node.clientWidth);
    const scrolls = /auto|scroll/.test(style.overflowX + style.overflowY) && spare > 1 && node.clientHeight > 0;
    if (scrolls && node.tabIndex < 0 && !node.querySelector("a[href], button, input, select, [tabindex='0']")) tell("a keyboard cannot scroll it", node);
  }
  const rgba = (text) => { const found = text.match(/[\d.]+/g).map(Number); return found.length < 4 ? [...found, 1] : found; };
  const over = (top, under) => [0, 1, 2].map((part) => top[part] * top[3] + under[part] * (1 - top[3])).concat(1);
  const ground = (node) => {
    const layers = [];
    for (let one = node; one; one = one.parentElement) {
      const color = rgba(getComputedStyle(one).backgroundColor);
      if (color[3] > 0) layers.push(color);
      if (color[3] === 1) break;
    }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const light = (color) => color.slice(0, 3).map((one) => one / 255).map((one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    .reduce((sum, one, part) => sum + one * [0.2126, 0.7152, 0.0722][part], 0);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), judged = new Set();
  let texts = 0;
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || judged.has(node) || !seen(node) || node.closest("script, style, option, noscript, [aria-hidden='true']")) continue;
    judged.add(node);
    texts += 1;
    const style = getComputedStyle(node), under = ground(node);
    const ink = node.namespaceURI.endsWith("svg") ? style.fill : style.color;
    const [a, b] = [light(over(rgba(ink), under)), light(under)], contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (contrast < (large ? 3 : 4.5)) tell(`contrast ${contrast.toFixed(2)}`, node);
  }
  return { found, texts };
})()
