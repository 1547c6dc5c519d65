// Who is in the room and who speaks. Joins and hands are spoken to screen readers; speaking is not,
// since it would never be silent: it stands in the list for those who look it up.

import { $, announce, icon, make } from './dom.js';
import { say, text } from './texts.js';

const KINDS = { sip: 'people.phone', whip: 'people.stream' };

function mark(name, key) {
  const label = make('span', { className: 'unseen' });
  say(label, key);
  const element = make('span', { className: `mark ${name}` }, icon(name), label);
  element.title = text(key);
  return element;
}

export class Roster {
  constructor() {
    this.list = $('roster');
    this.people = new Map();
    this.speakers = new Set();
    this.you = null;
    this.#count();
  }

  /** After a welcome: the roster that follows is news to nobody. */
  reset(you) {
    this.you = you;
    this.fresh = true;
  }

  /** The whole list, as the server sends it at each change. */
  update(participants) {
    const now = new Map(participants.map((p) => [p.id, p]));
    if (!this.fresh) this.#tellChanges(now);
    this.fresh = false;
    this.people = now;
    // Raised hands first: that is what somebody who leads a meeting looks for.
    const sorted = [...participants].sort((a, b) => Number(Boolean(b.hand)) - Number(Boolean(a.hand)));
    this.list.replaceChildren(...sorted.map((p) => this.#row(p)));
    this.#count();
    this.#speakers();
  }

  /** ids: of all who speak now. */
  speaking(ids) {
    this.speakers = new Set(ids);
    for (const row of this.list.children) row.dataset.speaking = String(this.speakers.has(Number(row.dataset.id)));
    this.#speakers();
  }

  /** Whether the server shows our hand as raised; undefined while it does not know us. */
  get ownHand() {
    return this.people.get(this.you)?.hand;
  }

  #name(person) {
    return person.name || text('people.unnamed');
  }

  #row(person) {
    const name = make('span', { className: 'name' });
    if (person.id === this.you) say(name, 'people.you', { name: this.#name(person) });
    else name.textContent = this.#name(person);
    const row = make('li', {}, name);
    row.dataset.id = person.id;
    row.dataset.audio = person.audio;
    row.dataset.video = person.video;
    row.dataset.hand = Boolean(person.hand);
    row.dataset.speaking = this.speakers.has(person.id);
    row.append(mark('speaks', 'people.speaks')); // shown by data-speaking alone
    if (person.hand) row.append(mark('hand', 'people.hand'));
    if (KINDS[person.kind]) row.append(mark(person.kind === 'sip' ? 'phone' : 'stream', KINDS[person.kind]));
    if (!person.audio) row.append(mark('mic-off', 'people.muted'));
    if (!person.video) row.append(mark('camera-off', 'people.no-camera'));
    return row;
  }

  #tellChanges(now) {
    const came = [...now.values()].filter((p) => !this.people.has(p.id));
    const went = [...this.people.values()].filter((p) => !now.has(p.id));
    this.#tell(came, 'people.came', 'people.many-came');
    this.#tell(went, 'people.went', 'people.many-went');
    for (const p of now.values()) {
      const before = this.people.get(p.id);
      if (before && p.hand && !before.hand && p.id !== this.you) announce('people.raised', { name: this.#name(p) });
    }
  }

  #tell(people, one, many) {
    if (people.length > 2) announce(many, { n: people.length });
    else for (const p of people) announce(one, { name: this.#name(p) });
  }

  #count() {
    say($('people-title'), 'people.title', { n: this.people.size });
    $('people-count').textContent = this.people.size || '';
  }

  #speakers() {
    const names = [...this.speakers].filter((id) => this.people.has(id)).map((id) => this.#name(this.people.get(id)));
    $('speaking-names').textContent = names.slice(0, 3).join(', ');
    $('speaking').classList.toggle('silent', names.length === 0);
  }
}
