// The page: / (which room?), /r/ROOM (before and in the meeting), /r/ROOM?kiosk (the picture alone).
//
// For tests and kiosk scripts; these stay as they are:
//   body[data-view]    home | prejoin | meeting | kiosk
//   body[data-state]   connecting | connected | restarting | waiting | ended (of the session, once joined)
//   #room #open-room   home
//   #name #remember #camera #microphone #level[aria-valuenow] #preview #device-problem #prejoin-notice #join
//   #picture #sound #stage-text #meeting-notice #quality[data-quality] #speaking-names    in the meeting
//   #settings-layout
//   #mute #camera-toggle #hand [data-on=true|false]  #people-toggle #chat-toggle #full #settings-open #help-open #leave
//   #roster > li[data-id][data-speaking][data-audio][data-video][data-hand]
//   #chat-log #chat-text #chat-send
//   #kiosk-picture #kiosk-sound #kiosk-text
//   window.tessera.session  the session with .pc (RTCPeerConnection), .state, .limits
// Query: ?lang=fr|en, ?name=NAME, ?layout=grid|speaker, ?kiosk or ?kiosk=send. Fragment: #token=TOKEN, which a browser sends
// to no server with the page's address; it goes out as the bearer token of the join alone.

import { $, memory, show } from './dom.js';
import { Devices } from './devices.js';
import { startHome } from './home.js';
import { startKiosk } from './kiosk.js';
import { startMeeting } from './meeting.js';
import { Prejoin } from './prejoin.js';
import { chooseLanguage, say, setLanguage, texts } from './texts.js';

// Everything is found from where this module lies, so the server may stand below any path.
const base = new URL('..', import.meta.url);
const query = new URLSearchParams(location.search);
const layout = ['grid', 'speaker'].find((name) => name === query.get('layout')) || '';
const VIEWS = ['home', 'prejoin', 'meeting', 'kiosk'];

/** Shows one of the views and puts the reader at its beginning. */
function enter(view) {
  document.body.dataset.view = view;
  for (const id of VIEWS) show($(id), id === view);
  show($('top'), view !== 'kiosk');
  $(view).querySelector('h1').focus({ preventScroll: true });
}

function roomOfAddress() {
  const found = /\/r\/([^/]+)\/?$/.exec(location.pathname);
  try {
    return found ? decodeURIComponent(found[1]) : '';
  } catch {
    return found[1]; // broken percent-coding: the server says what it thinks of it
  }
}

/** The address to join at. values: name, layout, and hidden=1 for one who is not shown. */
function joinUrl(room, values) {
  const url = new URL(`join/${encodeURIComponent(room)}`, base);
  for (const [key, value] of Object.entries(values)) if (value) url.searchParams.set(key, value);
  return url;
}

function startLanguage() {
  const buttons = document.querySelectorAll('.language');
  const choose = (wanted) => {
    setLanguage(wanted);
    const other = Object.keys(texts).find((key) => key !== wanted);
    for (const button of buttons) {
      button.textContent = texts[other]['language.name'];
      button.lang = other;
    }
  };
  choose(chooseLanguage([query.get('lang'), memory.get('lang'), ...(navigator.languages || [])]));
  for (const button of buttons) {
    button.addEventListener('click', () => {
      memory.set('lang', button.lang);
      choose(button.lang);
    });
  }
}

function startRoom(room) {
  const devices = new Devices();
  const token = new URLSearchParams(location.hash.slice(1)).get('token') || '';
  const prejoin = new Prejoin({ room, devices, name: query.get('name') });
  prejoin.onJoin = (name) => {
    enter('meeting');
    document.title = `${room} - tessera`;
    startMeeting({ room, devices, token, url: joinUrl(room, { name, layout }) }, (reason, text) => {
      enter('prejoin');
      prejoin.open(reason, text);
    });
  };
  document.title = `${room} - tessera`;
  enter('prejoin');
  prejoin.open();
}

function start() {
  window.tessera = { session: null };
  startLanguage();
  const room = roomOfAddress();
  if (!room) {
    enter('home');
    startHome(base);
  } else if (typeof RTCPeerConnection === 'undefined') {
    enter('prejoin');
    say($('prejoin-title'), 'prejoin.title', { room });
    say($('prejoin-notice'), 'end.unsupported');
    show($('prejoin-notice'), true);
    $('join').disabled = true;
  } else if (query.has('kiosk')) {
    enter('kiosk');
    document.title = `${room} - tessera`;
    startKiosk({ room, sends: query.get('kiosk') === 'send', name: query.get('name') || '', layout, joinUrl });
  } else {
    startRoom(room);
  }
}

start();
