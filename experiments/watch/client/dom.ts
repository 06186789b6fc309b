/** What an element may be made of: other elements, or text, which is never read as HTML. */
export type Child = Node | string | undefined;

/** An element with attributes and children. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string | boolean>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** A table that scrolls in its own box, which the keyboard reaches; the first cell of a row is its heading. */
export function table(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly Child[])[],
): HTMLElement {
  const cells = rows.map((row) =>
    h("tr", {}, ...row.map((cell, i) => i === 0 ? h("th", { scope: "row" }, cell) : h("td", {}, cell)))
  );
  return h(
    "div",
    { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" },
    h(
      "table",
      {},
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, ...head.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, ...cells),
    ),
  );
}

/** A field to choose from, with its label, and what hears of a choice. */
export function choice(
  label: string,
  onChange: () => void,
): { readonly field: HTMLElement; readonly select: HTMLSelectElement } {
  const select = h("select");
  select.addEventListener("change", onChange);
  return { field: h("label", {}, label, select), select };
}

/** Gives a field other options by value and text; what is chosen stays so where it still is there. */
export function setOptions(
  select: HTMLSelectElement,
  options: readonly (readonly [value: string, text: string])[],
): void {
  const key = JSON.stringify(options);
  if (select.dataset.options === key) return;
  const chosen = select.value;
  select.dataset.options = key;
  select.replaceChildren(...options.map(([value, text]) => h("option", { value }, text)));
  if (options.some(([value]) => value === chosen)) select.value = chosen;
}

/** Shows a figure: SVG of our own, in which all text is escaped. */
export function figure(svg: string, caption?: string): HTMLElement {
  const holder = h("figure");
  holder.innerHTML = svg;
  if (caption !== undefined) holder.append(h("figcaption", {}, caption));
  return holder;
}

/** Shows content in place of what is there, unless its key is that of what is there: what has the focus is left alone. */
export function show(place: HTMLElement, key: string, make: () => readonly Child[]): void {
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  place.replaceChildren(...make().filter((child) => child !== undefined));
}
