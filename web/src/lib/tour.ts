// The Tour: fourteen stops in the order of the article, each a state of the real pages, at most sixty words, one thing to do.

import { setPage, type PageName } from './pages.svelte';
import { type AttentionTab, last, the } from './state.svelte';

export interface Stop {
  page: PageName;
  tab?: AttentionTab;
  set?: () => void;
  /** English, German: a title, a text, one thing to do. */
  title: [string, string];
  text: [string, string];
  todo: [string, string];
}

const toTop = (): void => {
  the.stop = 2 * (the.model?.config.n_layers ?? 0);
  the.position = -1;
};

export const STOPS: Stop[] = [
  {
    page: 'write',
    title: ['Guess the next word', 'Das nächste Wort raten'],
    text: [
      'This is all the model does. It reads a text and gives every word it knows a chance of coming next. Then one is chosen, added to the text, and the guessing starts again.',
      'Mehr tut das Modell nicht. Es liest einen Text und gibt jedem Wort, das es kennt, eine Chance, als nächstes zu kommen. Eines wird gewählt, angehängt, und das Raten beginnt von vorn.',
    ],
    todo: ['Choose a word that is not the first. Does the story turn?', 'Wähle ein Wort, das nicht an erster Stelle steht. Nimmt die Geschichte eine Wendung?'],
  },
  {
    page: 'write',
    title: ['Text becomes tokens', 'Text wird zu Token'],
    text: [
      'The model does not see letters. Its vocabulary is made of tokens: frequent words whole, rare ones in pieces, glued together from bytes, the commonest neighbours first. A dot marks the space that belongs to a word.',
      'Das Modell sieht keine Buchstaben. Sein Wortschatz besteht aus Token: häufige Wörter ganz, seltene in Stücken, aus Bytes verklebt, die häufigsten Nachbarn zuerst. Ein Punkt zeigt das Leerzeichen vor einem Wort.',
    ],
    todo: ['Type your own name and press Play below.', 'Tippe deinen Namen und drücke unten Abspielen.'],
  },
  {
    page: 'journey',
    set: () => (the.stop = 0),
    title: ['A token becomes numbers', 'Ein Token wird zu Zahlen'],
    text: [
      'Each token has its row in a large table: the embedding, a list of numbers that says what it is. A second table has a row for each place in the text. The two rows, at the very bottom, are added.',
      'Jedes Token hat seine Zeile in einer großen Tabelle: die Einbettung, eine Liste von Zahlen, die sagt, was es ist. Eine zweite Tabelle hat eine Zeile je Platz im Text. Die beiden Zeilen ganz unten werden addiert.',
    ],
    todo: ['Point at a cell of the two bottom strips, then at the sum above.', 'Zeige auf eine Zelle der beiden untersten Streifen, dann auf die Summe darüber.'],
  },
  {
    page: 'journey',
    set: toTop,
    title: ['Up the stack', 'Den Stapel hinauf'],
    text: [
      'The list of numbers climbs through the blocks. Each adds something to it. If we stopped at some height and asked for a word, we would hear what stands here: at first the token itself or noise, further up the guess takes shape.',
      'Die Zahlenliste steigt durch die Blöcke. Jeder addiert etwas. Hielten wir auf halber Höhe an und fragten nach einem Wort, hörten wir, was hier steht: erst das Token selbst oder Rauschen, weiter oben nimmt die Vermutung Gestalt an.',
    ],
    todo: ['Find the height from which on the final word leads.', 'Finde die Höhe, ab der das spätere Wort vorn liegt.'],
  },
  {
    page: 'journey',
    set: () => (the.stop = 3),
    title: ['Stop at a block', 'In einem Block'],
    text: [
      'A block does two things. Attention brings in what other tokens know. Then a small network, four times as wide inside, works on each token alone. Both results are added to the stream, never put in its place.',
      'Ein Block tut zweierlei. Aufmerksamkeit holt herbei, was andere Token wissen. Dann arbeitet ein kleines Netz, innen viermal so breit, an jedem Token für sich. Beides wird zum Strom addiert, nie an seine Stelle gesetzt.',
    ],
    todo: ['Follow the strips on the right from “enters” to “leaves”.', 'Folge den Streifen rechts vom Eintritt bis zum Austritt.'],
  },
  {
    page: 'attention',
    tab: 'pattern',
    set: () => (the.position = -1),
    title: ['One token looks at others', 'Ein Token blickt auf andere'],
    text: [
      'To understand “it” you must know what it stands for. A head lets each token look back at those before it and fetch something. The darker a word here, the more the marked token looks at it.',
      'Wer „es“ verstehen will, muss wissen, wofür es steht. Ein Kopf lässt jedes Token auf frühere zurückblicken und etwas holen. Je dunkler ein Wort hier, desto mehr blickt das markierte Token darauf.',
    ],
    todo: ['Choose another token above with ← and →.', 'Wähle oben mit ← und → ein anderes Token.'],
  },
  {
    page: 'attention',
    tab: 'qkv',
    title: ['Query, key, value', 'Anfrage, Schlüssel, Wert'],
    text: [
      'Think of a filing cabinet. The query is the note in your hand, the keys are labels on the folders, the values what lies inside. Multiply note and label number by number and add up: the better the match, the larger the sum.',
      'Denk an einen Aktenschrank. Die Anfrage ist der Zettel in der Hand, die Schlüssel stehen auf den Mappen, die Werte liegen darin. Zettel und Aufschrift Zahl für Zahl malnehmen und addieren: je besser sie passen, desto größer die Summe.',
    ],
    todo: ['Find the number that adds most to the sum.', 'Finde die Zahl, die am meisten zur Summe beiträgt.'],
  },
  {
    page: 'attention',
    tab: 'scores',
    title: ['Scores, and the masked future', 'Punkte und die verdeckte Zukunft'],
    text: [
      'Four tables, one step each: products, scaled down, the future forbidden, turned into shares. A token must not see later ones, for guessing them is the task. Minus infinity becomes a share of exactly zero.',
      'Vier Tabellen, je ein Schritt: Produkte, verkleinert, Zukunft verboten, in Anteile verwandelt. Ein Token darf spätere nicht sehen, denn sie zu erraten ist die Aufgabe. Aus minus unendlich wird ein Anteil von genau null.',
    ],
    todo: ['Move one cursor: all four tables follow.', 'Bewege den Zeiger: alle vier Tabellen folgen.'],
  },
  {
    page: 'attention',
    tab: 'writes',
    title: ['Many heads, many habits', 'Viele Köpfe, viele Gewohnheiten'],
    text: [
      'Every block has several heads, and each looks in its own way: at the word before, at the first word, at the place where the same word stood earlier. What they fetch is joined and mixed into one list of numbers.',
      'Jeder Block hat mehrere Köpfe, und jeder blickt auf seine Weise: auf das Wort davor, auf das erste, auf die Stelle, an der dasselbe Wort schon stand. Was sie holen, wird verbunden und zu einer Zahlenliste gemischt.',
    ],
    todo: ['Walk the grid: find a head that looks one step back.', 'Geh durch das Gitter: finde einen Kopf, der einen Schritt zurückblickt.'],
  },
  {
    page: 'cache',
    title: ['Why the next word is cheap', 'Warum das nächste Wort billig ist'],
    text: [
      'Keys and values of earlier tokens do not change when the text grows, so they are kept. For the next word only one column is computed; the grey ones are remembered. Without that, each word would cost the whole text again.',
      'Schlüssel und Werte früherer Token ändern sich nicht, wenn der Text wächst; also bleiben sie liegen. Fürs nächste Wort wird nur eine Spalte berechnet, die grauen sind gemerkt. Sonst kostete jedes Wort den ganzen Text.',
    ],
    todo: ['Press Step and compare the two times.', 'Drücke Schritt und vergleiche die beiden Zeiten.'],
  },
  {
    page: 'write',
    set: () => {
      the.sampling.temperature = 0.8;
      the.sampling.top_k = Math.min(40, the.model?.words ?? 40);
    },
    title: ['The vector meets the vocabulary', 'Der Vektor trifft den Wortschatz'],
    text: [
      'At the top the list of numbers is compared with every word there is; that gives the scores. Temperature sharpens or flattens them, top-k keeps only the best. Then a word is drawn by lot, in proportion to what is left.',
      'Oben wird die Zahlenliste mit jedem Wort verglichen, das es gibt; das ergibt die Punkte. Temperatur schärft oder glättet sie, Top-k behält nur die besten. Dann entscheidet das Los, im Verhältnis dessen, was übrig ist.',
    ],
    todo: ['Set temperature to 0, then to 2, and look at the ruler.', 'Stelle die Temperatur auf 0, dann auf 2, und sieh aufs Lineal.'],
  },
  {
    page: 'weights',
    title: ['Where the numbers are', 'Wo die Zahlen sind'],
    text: [
      'All the model knows is in these matrices. Every area is true to its count: the embeddings on one side, the equal blocks beside each other, and in each block attention and the wider network. None of it changes while it writes.',
      'Alles, was das Modell weiß, steckt in diesen Matrizen. Jede Fläche entspricht ihrer Anzahl: die Einbettungen am Rand, die gleich großen Blöcke nebeneinander, darin Aufmerksamkeit und das breitere Netz. Nichts davon ändert sich beim Schreiben.',
    ],
    todo: ['Choose the largest matrix and look inside.', 'Wähle die größte Matrix und sieh hinein.'],
  },
  {
    page: 'experiment',
    title: ['Break it', 'Mach es kaputt'],
    text: [
      'Looking is not enough to know what a part is for. Switch it off and see what the model says then. The sweep does it with every head and network in turn; often one or two parts carry a guess, and most hardly matter.',
      'Hinsehen genügt nicht, um zu wissen, wozu ein Teil da ist. Schalte es aus und sieh, was das Modell dann sagt. Der Durchlauf tut das mit jedem Teil; oft tragen ein, zwei die Vermutung, die meisten kaum.',
    ],
    todo: ['Silence each part in turn, then switch off the one that matters most.', 'Schalte jeden Teil einmal aus, dann den wichtigsten für länger.'],
  },
  {
    page: 'train',
    title: ['Train your own and look inside', 'Trainiere dein eigenes und sieh hinein'],
    text: [
      'Every number you saw was learned by guessing, failing, and being nudged a little, very many times. A run in your folder appears here while it trains; slide through its checkpoints and watch the same text make sense.',
      'Jede Zahl, die du sahst, wurde gelernt: raten, irren, ein wenig nachstellen, sehr viele Male. Ein Lauf in deinem Ordner erscheint hier, während er trainiert; schieb durch seine Stände und sieh, wie derselbe Text Sinn bekommt.',
    ],
    todo: ['Press Esc: you stay exactly here, with your own text.', 'Drücke Esc: du bleibst genau hier, mit deinem eigenen Text.'],
  },
];

export function goToStop(n: number): void {
  const stop = STOPS[n - 1];
  if (!stop) {
    the.tour = 0;
    return;
  }
  the.tour = n;
  stop.set?.();
  if (stop.tab) the.tab = stop.tab;
  the.position = Math.min(the.position, last());
  setPage(stop.page);
}
