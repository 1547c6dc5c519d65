// Small helpers around the document, so that the other modules read as what they do.

import { text } from './texts.js';

/** The element with this id. A missing one is a mistake of ours, and shows at once. */
export function $(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element #${id}`);
  return found;
}

export function show(element, visible) {
  element.hidden = !visible;
}

/** Makes an element. Text goes in as text: nothing from the network is ever parsed as HTML. */
export function make(tag, { className, content, id } = {}, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (id) element.id = id;
  if (content !== undefined) element.textContent = content;
  element.append(...children);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';
const sprite = new URL('icons.svg', import.meta.url).pathname;

/** An icon of icons.svg. Decoration: whoever uses it says the same in text. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

/** Changes the icon inside a button. */
export function setIcon(button, name) {
  button.querySelector('use').setAttribute('href', `${sprite}#${name}`);
}

/** Says a text to screen readers, politely. Lines add up, so that two at once are both heard; each
 * is taken away later, since only what is added is spoken. */
export function announce(key, values) {
  const line = make('p', { content: text(key, values) });
  $('announce').append(line);
  setTimeout(() => line.remove(), 8000);
}

/** What this browser remembers for us; a browser that forbids storage remembers nothing. */
export const memory = {
  get(key) {
    try {
      return localStorage.getItem(`tessera.${key}`);
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      if (value === null) localStorage.removeItem(`tessera.${key}`);
      else localStorage.setItem(`tessera.${key}`, value);
    } catch {
      // Nothing depends on it.
    }
  },
};

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
