// Single keys that act. They can be switched off, as WCAG 2.1.4 asks: somebody who dictates to the
// machine would otherwise mute himself with every word that has an m.

import { $, memory } from './dom.js';

/** actions: {key: function}. Until abort. */
export function listenKeys(actions, signal) {
  const tick = $('keys-on');
  tick.checked = memory.get('keys') !== 'off';
  tick.addEventListener('change', () => memory.set('keys', tick.checked ? null : 'off'), { signal });
  document.addEventListener('keydown', (event) => {
    if (!tick.checked || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.target.closest?.('input:not([type=checkbox]), textarea, select, dialog')) return;
    const action = actions[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  }, { signal });
}
