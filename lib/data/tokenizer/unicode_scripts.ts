import { lacksScript } from "./older_unicode.ts";
import type { PreTokenize } from "./pre_tokenizer.ts";

/** The scripts that the reference's table knows: Unicode 9's, but for Common and Inherited, which come last. */
const SCRIPTS = (
  "Latin Han Hiragana Katakana Hangul Cyrillic Greek Arabic Hebrew Devanagari Thai Bengali Tamil Telugu Armenian " +
  "Georgian Common Inherited Adlam Ahom Anatolian_Hieroglyphs Avestan Balinese Bamum Bassa_Vah Batak Bhaiksuki " +
  "Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Coptic " +
  "Cuneiform Cypriot Deseret Duployan Egyptian_Hieroglyphs Elbasan Ethiopic Glagolitic Gothic Grantha Gujarati " +
  "Gurmukhi Hanunoo Hatran Imperial_Aramaic Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada " +
  "Kayah_Li Kharoshthi Khmer Khojki Khudawadi Lao Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Malayalam " +
  "Mandaic Manichaean Marchen Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro " +
  "Multani Myanmar Nabataean New_Tai_Lue Newa Nko Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic " +
  "Old_Persian Old_South_Arabian Old_Turkic Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician " +
  "Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sora_Sompeng Sundanese " +
  "Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangut Thaana Tibetan Tifinagh Tirhuta " +
  "Ugaritic Vai Warang_Citi Yi"
).split(" ");

/** Characters that had another script in Unicode 9, and the long vowel of kana. */
const OTHERWISE: Readonly<Record<string, string>> = { " ": "", "\u0589": "Common", "\u061c": "Common", "ー": "Han" };

const matchers = new Map<string, RegExp>();
const scripts = new Map<string, string>();

/** A character's script, or nothing: then it belongs to its neighbours. Japanese's three are one. */
function scriptOf(character: string): string {
  let script = scripts.get(character);
  if (script === undefined) {
    script = OTHERWISE[character] ?? (lacksScript(character) ? "" : SCRIPTS.find((name) => {
      if (!matchers.has(name)) matchers.set(name, new RegExp(`\\p{Script=${name}}`, "u"));
      return matchers.get(name)!.test(character);
    }) ?? "");
    if (script === "Hiragana" || script === "Katakana") script = "Han";
    scripts.set(character, script);
  }
  return script;
}

/** Cuts text where its script changes. What stands before the first character that has one is lost, as in the reference. */
export const scriptRuns: PreTokenize = (text, first) => {
  const starts: number[] = [];
  let [at, last] = [0, ""];
  for (const character of text) {
    const script = scriptOf(character);
    if (script !== "" && script !== last) starts.push(at);
    if (script !== "") last = script;
    at += character.length;
  }
  return { words: starts.map((start, i) => text.slice(start, starts[i + 1])), first: first && starts[0] === 0 };
};
