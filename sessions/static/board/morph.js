// Turns one piece of the page into its newer version in place. Elements that stay keep their identity, and with it
// focus, selection, what was typed, scroll position and open folds.

const LIVE = "data-live"; // such an element belongs to a script; the server's version is only its beginning

export function morph(from, to) {
  if (from.isEqualNode(to)) return;
  attributes(from, to);
  if (from.localName !== "textarea") children(from, to); // its text belongs to whoever types
}

function attributes(from, to) {
  for (const { name, value } of to.attributes) {
    if (keeps(from, name) || from.getAttribute(name) === value) continue;
    from.setAttribute(name, value);
    if (name === "data-begun") from.open = true; // folds belong to the reader, but what has just begun is shown
    if (name === "data-past") from.open = false; // … and what it has left behind makes room for it, once
  }
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !keeps(from, name)) from.removeAttribute(name);
  }
}

function keeps(element, name) {
  return name === "open" && element.localName === "details";
}

function children(from, to) {
  const byId = new Map();
  for (const child of from.children) if (child.id) byId.set(child.id, child);
  let here = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const match = find(here, wanted, byId);
    if (!match) {
      from.insertBefore(document.importNode(wanted, true), here);
      continue;
    }
    if (match !== here) from.insertBefore(match, here);
    else here = here.nextSibling;
    update(match, wanted);
  }
  while (here) {
    const next = here.nextSibling;
    remove(here);
    here = next;
  }
}

function find(here, wanted, byId) {
  if (wanted.nodeType === Node.ELEMENT_NODE && wanted.id) {
    const known = byId.get(wanted.id);
    return known && known.localName === wanted.localName ? known : null;
  }
  if (!here || here.nodeType !== wanted.nodeType || here.nodeName !== wanted.nodeName) return null;
  return here.id ? null : here;
}

function update(node, wanted) {
  if (node.nodeType !== Node.ELEMENT_NODE) {
    if (node.data !== wanted.data) node.data = wanted.data;
    return;
  }
  if (node.hasAttribute(LIVE)) return;
  morph(node, wanted);
}

// Whoever works with the keyboard keeps a place on the page when the element under the cursor goes away.
function remove(node) {
  const held = node.contains(document.activeElement);
  const home = node.parentElement?.closest("[id]");
  node.remove();
  if (held && home) {
    home.setAttribute("tabindex", "-1");
    home.focus({ preventScroll: true });
  }
}

export function parse(html) {
  return new DOMParser().parseFromString(html, "text/html").querySelector("[data-region]");
}
