/** In the page: the texts whose colour is too near to that of their background (WCAG 1.4.3), each with its ratio. */
export function lowContrasts(): string[] {
  type Colour = [number, number, number, number];
  const colourOf = (text: string): Colour => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
    return [red, green, blue, alpha];
  };
  const luminance = (colour: Colour): number => {
    const [red = 0, green = 0, blue = 0] = colour.map((part) => {
      const share = part / 255;
      return share <= 0.040_45 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const backgroundOf = (element: Element | null): Colour => {
    if (element === null) return [255, 255, 255, 1];
    const colour = colourOf(getComputedStyle(element).backgroundColor);
    return colour[3] === 1 ? colour : backgroundOf(element.parentElement);
  };
  const found: string[] = [];
  for (const element of document.body.querySelectorAll('*')) {
    const text = [...element.childNodes]
      .filter(({ nodeType }) => nodeType === Node.TEXT_NODE)
      .map(({ textContent }) => textContent?.trim())
      .join('');
    if (text === '' || !element.checkVisibility() || element.tagName === 'NOSCRIPT') continue;
    const [one, other] = [luminance(colourOf(getComputedStyle(element).color)), luminance(backgroundOf(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) found.push(`${text}: ${ratio.toFixed(2)}`);
  }
  return found;
}

/** In the page: what one works with, or is told of, and that has no name. */
export function nameless(): string[] {
  const nameOf = (element: Element): string => {
    const labelled = (element.getAttribute('aria-labelledby') ?? '')
      .split(' ')
      .map((id) => document.querySelector(`[id="${id}"]`)?.textContent ?? '')
      .join('');
    const labels = 'labels' in element ? [...((element as HTMLInputElement).labels ?? [])] : [];
    const given = [element.getAttribute('aria-label'), element.getAttribute('title'), element.textContent];
    return [labelled, ...labels.map(({ textContent }) => textContent), ...given].join('').trim();
  };
  const all = document.querySelectorAll('button, input, a, iframe, progress, [role=log], [tabindex]');
  return [...all].filter((element) => nameOf(element) === '').map(({ outerHTML }) => outerHTML);
}
