// Every text that a person reads, in each language. A test holds that all languages have the same
// keys and the same {holes}. In the document, data-t="key" is the element's text, data-t-label its
// aria-label and data-t-placeholder its placeholder.

export const texts = {
  en: {
    'language.name': 'English',
    'home.title': 'Join a meeting',
    'home.intro': 'Everybody who opens the same room is in the same meeting, phones too.',
    'home.room': 'Room',
    'home.open': 'Open the room',
    'home.empty': 'Please enter a room.',
    'home.bad': 'A room name has at most 120 characters and none of * / \\, and more than dots.',

    'prejoin.title': 'Room {room}',
    'prejoin.preview': 'Your camera',
    'prejoin.no-picture': 'Camera off',
    'prejoin.asking': 'The browser asks for camera and microphone…',
    'prejoin.again': 'Ask again',
    'prejoin.name': 'Your name',
    'prejoin.remember': 'Remember my name on this machine',
    'prejoin.join': 'Join',
    'prejoin.insecure': 'This page was not opened over HTTPS, so the browser gives it no camera and no microphone. You can join, watch and listen.',
    'prejoin.released': 'Camera and microphone are off until you join again.',
    'prejoin.guest': 'Guest',

    'device.camera': 'Camera',
    'device.microphone': 'Microphone',
    'device.level': 'Microphone level',
    'device.no-camera': 'No camera',
    'device.no-microphone': 'No microphone',
    'device.unnamed': 'Device {n}',
    'device.denied.both': 'The browser was not allowed to use camera and microphone. You can join, watch and listen; to be seen and heard, allow them in the address bar and ask again.',
    'device.denied.camera': 'The browser was not allowed to use the camera. You can join without it.',
    'device.denied.microphone': 'The browser was not allowed to use the microphone. You can join without it.',
    'device.missing.both': 'No camera and no microphone were found. You can join, watch and listen.',
    'device.missing.camera': 'No camera was found. You can join without it.',
    'device.missing.microphone': 'No microphone was found. You can join without it.',
    'device.busy.both': 'Camera and microphone are used by another program. You can join without them.',
    'device.busy.camera': 'The camera is used by another program. You can join without it.',
    'device.busy.microphone': 'The microphone is used by another program. You can join without it.',
    'device.lost.camera': 'The camera was unplugged.',
    'device.lost.microphone': 'The microphone was unplugged.',

    'meeting.picture': 'Picture of the meeting',
    'meeting.controls': 'Controls',
    'meeting.speaking': 'Speaking:',
    'meeting.mute': 'Mute',
    'meeting.unmute': 'Unmute',
    'meeting.camera-off': 'Camera off',
    'meeting.camera-on': 'Camera on',
    'meeting.raise': 'Raise hand',
    'meeting.lower': 'Lower hand',
    'meeting.full': 'Full screen',
    'meeting.full-leave': 'Leave full screen',
    'meeting.leave': 'Leave',
    'meeting.waiting': 'Waiting for the picture…',
    'meeting.joined': 'You are in room {room}.',
    'meeting.is-muted': 'Your microphone is off.',
    'meeting.is-unmuted': 'Your microphone is on.',
    'meeting.camera-is-off': 'Your camera is off.',
    'meeting.camera-is-on': 'Your camera is on.',
    'meeting.error': 'The server says: {text}',
    'meeting.watching': 'You are watching and listening: there is no camera and no microphone.',

    'state.connecting': 'Connecting…',
    'state.restarting': 'The connection is disturbed. Mending it…',
    'state.waiting': 'The connection is lost. Trying again…',
    'state.back': 'The connection is back.',

    'end.left': 'You have left the meeting.',
    'end.ended': 'The meeting has ended.',
    'end.kicked': 'You were taken out of the meeting.',
    'end.refused': 'The server did not let you in: {text}',
    'end.unsupported': 'This browser cannot do WebRTC. A newer one can.',
    'end.token': 'This server asks for a token. Use the whole link that you were given.',

    'sound.on': 'Turn the sound on',

    'people.button': 'People',
    'people.title': 'In the room: {n}',
    'people.you': '{name} (you)',
    'people.unnamed': 'No name',
    'people.phone': 'phone',
    'people.stream': 'stream',
    'people.muted': 'microphone off',
    'people.no-camera': 'camera off',
    'people.hand': 'hand raised',
    'people.speaks': 'speaking',
    'people.came': '{name} has joined.',
    'people.went': '{name} has left.',
    'people.many-came': '{n} people have joined.',
    'people.many-went': '{n} people have left.',
    'people.raised': '{name} raises a hand.',

    'chat.title': 'Chat',
    'chat.label': 'Message to the room',
    'chat.send': 'Send',
    'chat.unread': '{n} new messages',
    'chat.line': '{name}: {text}',
    'chat.lost': 'The message was not sent: the connection is disturbed.',

    'quality.unknown': 'Connection: measuring',
    'quality.good': 'Connection: good',
    'quality.fair': 'Connection: fair',
    'quality.poor': 'Connection: poor',
    'quality.loss': 'Lost packets',
    'quality.rtt': 'Round trip',
    'quality.jitter': 'Jitter',
    'quality.freeze': 'Picture frozen',
    'quality.codecs': 'Codecs',

    'settings.button': 'Settings',
    'settings.title': 'Settings',
    'layout.label': 'Layout',
    'layout.room': 'as the room has it',
    'layout.grid': 'everybody equally large',
    'layout.speaker': 'who speaks is large',
    'dialog.close': 'Close',
    'help.button': 'Help',
    'help.title': 'Keys',
    'help.m': 'microphone off and on',
    'help.c': 'camera off and on',
    'help.h': 'raise and lower the hand',
    'help.f': 'full screen',
    'help.help': 'this help',
    'help.escape': 'Esc',
    'help.esc': 'close what is open',
    'help.keys': 'Keys act without Ctrl or Alt',

    'kiosk.title': 'Room {room}',
  },
  fr: {
    'language.name': 'Français',
    'home.title': 'Rejoindre une réunion',
    'home.intro': 'Ceux qui ouvrent la même salle sont dans la même réunion, les téléphones aussi.',
    'home.room': 'Salle',
    'home.open': 'Ouvrir la salle',
    'home.empty': 'Veuillez indiquer une salle.',
    'home.bad': 'Un nom de salle a 120 caractères au plus, sans * / \\, et autre chose que des points.',

    'prejoin.title': 'Salle {room}',
    'prejoin.preview': 'Votre caméra',
    'prejoin.no-picture': 'Caméra coupée',
    'prejoin.asking': 'Le navigateur demande la caméra et le micro…',
    'prejoin.again': 'Demander à nouveau',
    'prejoin.name': 'Votre nom',
    'prejoin.remember': 'Retenir mon nom sur cette machine',
    'prejoin.join': 'Rejoindre',
    'prejoin.insecure': 'Cette page n’a pas été ouverte en HTTPS : le navigateur ne lui donne ni caméra ni micro. Vous pouvez rejoindre la réunion, regarder et écouter.',
    'prejoin.released': 'Caméra et micro sont coupés jusqu’à votre retour.',
    'prejoin.guest': 'Invité',

    'device.camera': 'Caméra',
    'device.microphone': 'Micro',
    'device.level': 'Niveau du micro',
    'device.no-camera': 'Pas de caméra',
    'device.no-microphone': 'Pas de micro',
    'device.unnamed': 'Appareil {n}',
    'device.denied.both': 'Le navigateur n’a pas le droit d’utiliser la caméra et le micro. Vous pouvez rejoindre, regarder et écouter ; pour qu’on vous voie et vous entende, autorisez-les dans la barre d’adresse et demandez à nouveau.',
    'device.denied.camera': 'Le navigateur n’a pas le droit d’utiliser la caméra. Vous pouvez rejoindre sans elle.',
    'device.denied.microphone': 'Le navigateur n’a pas le droit d’utiliser le micro. Vous pouvez rejoindre sans lui.',
    'device.missing.both': 'Ni caméra ni micro n’ont été trouvés. Vous pouvez rejoindre, regarder et écouter.',
    'device.missing.camera': 'Aucune caméra n’a été trouvée. Vous pouvez rejoindre sans elle.',
    'device.missing.microphone': 'Aucun micro n’a été trouvé. Vous pouvez rejoindre sans lui.',
    'device.busy.both': 'La caméra et le micro servent à un autre programme. Vous pouvez rejoindre sans eux.',
    'device.busy.camera': 'La caméra sert à un autre programme. Vous pouvez rejoindre sans elle.',
    'device.busy.microphone': 'Le micro sert à un autre programme. Vous pouvez rejoindre sans lui.',
    'device.lost.camera': 'La caméra a été débranchée.',
    'device.lost.microphone': 'Le micro a été débranché.',

    'meeting.picture': 'Image de la réunion',
    'meeting.controls': 'Commandes',
    'meeting.speaking': 'Parole :',
    'meeting.mute': 'Couper le micro',
    'meeting.unmute': 'Ouvrir le micro',
    'meeting.camera-off': 'Couper la caméra',
    'meeting.camera-on': 'Ouvrir la caméra',
    'meeting.raise': 'Lever la main',
    'meeting.lower': 'Baisser la main',
    'meeting.full': 'Plein écran',
    'meeting.full-leave': 'Quitter le plein écran',
    'meeting.leave': 'Partir',
    'meeting.waiting': 'En attente de l’image…',
    'meeting.joined': 'Vous êtes dans la salle {room}.',
    'meeting.is-muted': 'Votre micro est coupé.',
    'meeting.is-unmuted': 'Votre micro est ouvert.',
    'meeting.camera-is-off': 'Votre caméra est coupée.',
    'meeting.camera-is-on': 'Votre caméra est ouverte.',
    'meeting.error': 'Le serveur dit : {text}',
    'meeting.watching': 'Vous regardez et écoutez : il n’y a ni caméra ni micro.',

    'state.connecting': 'Connexion…',
    'state.restarting': 'La connexion est perturbée. Réparation en cours…',
    'state.waiting': 'La connexion est perdue. Nouvel essai…',
    'state.back': 'La connexion est rétablie.',

    'end.left': 'Vous avez quitté la réunion.',
    'end.ended': 'La réunion est terminée.',
    'end.kicked': 'On vous a retiré de la réunion.',
    'end.refused': 'Le serveur a refusé l’entrée : {text}',
    'end.unsupported': 'Ce navigateur ne connaît pas WebRTC. Un plus récent le connaît.',
    'end.token': 'Ce serveur demande un jeton. Utilisez le lien entier qui vous a été donné.',

    'sound.on': 'Activer le son',

    'people.button': 'Présents',
    'people.title': 'Dans la salle : {n}',
    'people.you': '{name} (vous)',
    'people.unnamed': 'Sans nom',
    'people.phone': 'téléphone',
    'people.stream': 'flux',
    'people.muted': 'micro coupé',
    'people.no-camera': 'caméra coupée',
    'people.hand': 'main levée',
    'people.speaks': 'parle',
    'people.came': '{name} a rejoint la réunion.',
    'people.went': '{name} a quitté la réunion.',
    'people.many-came': '{n} personnes ont rejoint la réunion.',
    'people.many-went': '{n} personnes ont quitté la réunion.',
    'people.raised': '{name} lève la main.',

    'chat.title': 'Messages',
    'chat.label': 'Message à la salle',
    'chat.send': 'Envoyer',
    'chat.unread': '{n} nouveaux messages',
    'chat.line': '{name} : {text}',
    'chat.lost': 'Le message n’est pas parti : la connexion est perturbée.',

    'quality.unknown': 'Connexion : mesure en cours',
    'quality.good': 'Connexion : bonne',
    'quality.fair': 'Connexion : moyenne',
    'quality.poor': 'Connexion : mauvaise',
    'quality.loss': 'Paquets perdus',
    'quality.rtt': 'Aller-retour',
    'quality.jitter': 'Gigue',
    'quality.freeze': 'Image figée',
    'quality.codecs': 'Codecs',

    'settings.button': 'Réglages',
    'settings.title': 'Réglages',
    'layout.label': 'Disposition',
    'layout.room': 'celle de la salle',
    'layout.grid': 'tout le monde à la même taille',
    'layout.speaker': 'la personne qui parle en grand',
    'dialog.close': 'Fermer',
    'help.button': 'Aide',
    'help.title': 'Touches',
    'help.m': 'couper et ouvrir le micro',
    'help.c': 'couper et ouvrir la caméra',
    'help.h': 'lever et baisser la main',
    'help.f': 'plein écran',
    'help.help': 'cette aide',
    'help.escape': 'Échap',
    'help.esc': 'fermer ce qui est ouvert',
    'help.keys': 'Les touches agissent sans Ctrl ni Alt',

    'kiosk.title': 'Salle {room}',
  },
};

let language = 'en';

/** The person's own form of the language in force, for times and numbers ("en-GB" rather than "en"). */
export function locale() {
  return (navigator.languages || []).find((l) => l.startsWith(language)) || language;
}

/** The first language that we have among those wanted ("fr-CA" is "fr"), else English. */
export function chooseLanguage(wanted) {
  const known = wanted.map((w) => String(w || '').slice(0, 2).toLowerCase());
  return known.find((w) => w in texts) || 'en';
}

/** The text of a key, its {holes} filled from values. An unknown key shows itself: seen, not hidden. */
export function text(key, values = {}) {
  const found = texts[language][key] ?? texts.en[key] ?? key;
  return found.replace(/\{(\w+)\}/g, (hole, name) => (name in values ? String(values[name]) : hole));
}

/** Switches the language of the whole document, texts put in by say() too. */
export function setLanguage(wanted) {
  language = wanted;
  document.documentElement.lang = wanted;
  for (const element of document.querySelectorAll('[data-t]')) {
    element.textContent = text(element.dataset.t, element.holes);
  }
  for (const element of document.querySelectorAll('[data-t-label]')) {
    element.setAttribute('aria-label', text(element.dataset.tLabel, element.holes));
  }
  for (const element of document.querySelectorAll('[data-t-placeholder]')) {
    element.setAttribute('placeholder', text(element.dataset.tPlaceholder));
  }
}

/** Puts a text into an element and keeps key and values with it, so that a switch of language finds it. */
export function say(element, key, values) {
  if (!key) {
    delete element.dataset.t;
    element.textContent = '';
    return;
  }
  element.dataset.t = key;
  element.holes = values;
  const now = text(key, values);
  if (element.textContent !== now) element.textContent = now; // a live region speaks only of changes
}
