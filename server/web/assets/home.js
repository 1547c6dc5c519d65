// The page at /: which room?

import { $ } from './dom.js';
import { say } from './texts.js';

/** What is wrong with a room name, as the key of a text, or ''. The rules are the server's own
 * (net/room_name.h); here they only spare a person a page that says no. */
export function roomProblem(name) {
  if (name === '') return 'home.empty';
  const bytes = new TextEncoder().encode(name.normalize('NFC')).length;
  if (bytes > 127 || /[*/\\\p{Cc}]/u.test(name) || /^\.+$/.test(name)) return 'home.bad';
  return '';
}

/** base: where the server's / is. */
export function startHome(base) {
  const field = $('room');
  field.focus();
  $('home-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const name = field.value.trim();
    const problem = roomProblem(name);
    say($('room-error'), problem);
    field.setAttribute('aria-invalid', String(Boolean(problem)));
    if (problem) {
      field.focus();
      return;
    }
    const url = new URL(`r/${encodeURIComponent(name)}`, base);
    if (new URLSearchParams(location.search).has('lang')) url.searchParams.set('lang', document.documentElement.lang);
    location.assign(url);
  });
}
