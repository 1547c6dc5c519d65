// The choice of a device in a <select>: used before the meeting and in it.

import { make } from './dom.js';
import { say } from './texts.js';

const NONE = 'none';

/** Keeps select in step with the devices of a kind ('camera' or 'microphone'), both ways. */
export function bindPicker(devices, kind, select) {
  let turn = 0;
  const render = async () => {
    const mine = ++turn;
    const found = await devices.list(kind);
    if (mine !== turn) return; // a later call knows better
    const none = make('option');
    none.value = NONE;
    say(none, `device.no-${kind}`);
    const options = found.map((device, i) => {
      const option = make('option');
      option.value = device.id;
      // Without permission browsers hide the names.
      if (device.label) option.textContent = device.label;
      else say(option, 'device.unnamed', { n: i + 1 });
      return option;
    });
    select.replaceChildren(...options, none);
    const active = devices.track[kind] ? devices.activeId(kind) : NONE;
    select.value = active;
    if (select.selectedIndex < 0) select.selectedIndex = 0;
    select.disabled = !devices.usable;
  };
  select.addEventListener('change', () => {
    if (select.value === NONE) devices.close(kind);
    else devices.open(kind, select.value);
  });
  devices.addEventListener('change', render);
  devices.addEventListener('list', render);
  render();
}
