# language: de
Funktionalität: Reihenfolge und Regeln der Skripte
  Die Auswertung entsteht aus nummerierten SQL-Skripten. Wer ein Skript hinzufügt oder für einen Mandanten ändert,
  legt nur eine Datei ab.

  Szenario: Die Nummer bestimmt die Reihenfolge
    Angenommen die Skripte "020_buchungen.sql, 010_konten.sql, 100_liste.sql"
    Wenn die Skripte für "enercity" zusammengestellt werden
    Dann laufen nacheinander
      | Schritt | Skripte       |
      | 1       | 010_konten    |
      | 2       | 020_buchungen |
      | 3       | 100_liste     |

  Szenario: Skripte mit gleicher Nummer laufen nebeneinander, die nächste Nummer wartet auf alle
    Angenommen die Skripte "010_konten.sql, 020_steuern.sql, 020_buchungen.sql, 030_liste.sql"
    Wenn die Skripte für "enercity" zusammengestellt werden
    Dann laufen nacheinander
      | Schritt | Skripte                    |
      | 1       | 010_konten                 |
      | 2       | 020_buchungen, 020_steuern |
      | 3       | 030_liste                  |

  Szenario: Ein Mandant ersetzt ein Skript und fügt eines hinzu
    Angenommen die Skripte "010_konten.sql, 020_buchungen.sql"
    Und die Skripte "enercity/010_konten.sql, enercity/015_zuordnung.sql"
    Wenn die Skripte für "enercity" zusammengestellt werden
    Dann kommt "010_konten" aus dem Ordner "enercity"
    Und kommt "015_zuordnung" aus dem Ordner "enercity"
    Und kommt "020_buchungen" aus dem Ordner "base"

  Szenario: Ein Mandant ohne eigenen Ordner bekommt die allgemeine Fassung
    Angenommen die Skripte "010_konten.sql, default/020_steuern.sql, enercity/020_steuern.sql"
    Wenn die Skripte für "neukunde" zusammengestellt werden
    Dann kommt "020_steuern" aus dem Ordner "default"

  Szenario: Was nicht laufen soll, läuft nicht
    Angenommen die Skripte "010_konten.sql, NOEXEC_020_versuch.sql, notizen.txt"
    Wenn die Skripte für "enercity" zusammengestellt werden
    Dann laufen nacheinander
      | Schritt | Skripte    |
      | 1       | 010_konten |

  Szenariogrundriss: Ein falscher Name wird abgelehnt, bevor etwas läuft
    Angenommen die Skripte "<Skripte>"
    Wenn die Skripte für "enercity" zusammengestellt werden
    Dann werden sie abgelehnt mit "<Meldung>"

    Beispiele:
      | Skripte                        | Meldung                                            |
      | buchungen.sql                  | a script's name is NNN_what_it_makes.sql           |
      | 1_buchungen.sql                | a script's name is NNN_what_it_makes.sql           |
      | 010_konten.sql, 020_konten.sql | has the same name; remove or rename one of them    |

  Szenario: Ein Skript gilt ganz oder gar nicht
    Angenommen ein Skript, das eine Tabelle füllt und danach scheitert
    Wenn das Skript läuft
    Dann ist die Tabelle nicht in der Datenbank
    Und die Verbindung ist frei für das nächste Skript

  Szenario: Ein Skript kennt den Buchungstag und den Mandanten
    Angenommen ein Skript, das Buchungstag und Mandant in eine Tabelle schreibt
    Wenn das Skript für "enercity" am "2026-01-31" läuft
    Dann steht in der Tabelle "2026-01-31 enercity"
