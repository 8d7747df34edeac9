# language: de
Funktionalität: CSV-Export
  Die fertigen Tabellen werden als CSV-Dateien geschrieben: vollständig, auf den Cent genau, in Dateien mit
  begrenzter Zeilenzahl.

  Szenario: Eine kleine Tabelle wird eine Datei mit Kopfzeile
    Angenommen eine Tabelle mit 3 Buchungen
    Wenn sie exportiert wird
    Dann gibt es die Dateien "buchungen_0000.csv"
    Und die erste Zeile jeder Datei ist "nummer,konto,betrag"
    Und die Dateien haben zusammen 3 Buchungen

  Szenario: 2.500.000 Buchungen werden drei Dateien
    Angenommen eine Tabelle mit 2500000 Buchungen
    Wenn sie exportiert wird
    Dann haben die Dateien 1000000, 1000000 und 500000 Buchungen
    Und die erste Zeile jeder Datei ist "nummer,konto,betrag"
    Und die Summe der Beträge in den Dateien ist die Summe in der Datenbank
    Und die Dateien enthalten jede Buchung genau einmal, in der Reihenfolge der Tabelle

  Szenariogrundriss: An den Grenzen stimmt die Zahl der Dateien
    Angenommen eine Tabelle mit <Buchungen> Buchungen
    Wenn sie mit höchstens 100 Zeilen je Datei exportiert wird
    Dann haben die Dateien <Verteilung> Buchungen

    Beispiele:
      | Buchungen | Verteilung   |
      | 0         | 0            |
      | 99        | 99           |
      | 100       | 100          |
      | 101       | 100 und 1    |
      | 200       | 100 und 100  |

  Szenario: Kein Wert ist etwas anderes als ein leerer Text
    Angenommen eine Tabelle mit den Texten
      | Text           |
      | (kein Wert)    |
      | (leerer Text)  |
    Wenn sie exportiert wird
    Dann stehen in der Datei die Zeilen
      | Zeile |
      | 1,    |
      | 2,""  |

  Szenario: Umlaute, Anführungszeichen, Kommas und Zeilenumbrüche bleiben erhalten
    Angenommen eine Tabelle mit den Texten
      | Text                      |
      | Müßiggang & Söhne, Köln   |
      | sagt "ja"                 |
      | erste Zeile⏎zweite Zeile  |
      | 100 % 🙂                  |
    Wenn sie exportiert wird
    Dann liest ein Programm aus der Datei genau diese Texte

  Szenario: Beträge bleiben auf die letzte Stelle genau
    Angenommen eine Tabelle mit den Beträgen "0.10, -0.01, 12345678901234567890.12, 1.00"
    Wenn sie exportiert wird
    Dann stehen in der Datei die Beträge "0.10, -0.01, 12345678901234567890.12, 1.00"

  Szenario: Der Fortschritt steht im Protokoll
    Angenommen eine Tabelle mit 20000 Buchungen
    Wenn sie exportiert wird und dabei ständig berichtet wird
    Dann nennt das Protokoll Zeilen, Anteil und Geschwindigkeit

  Szenario: In einem Ordner auf der Platte liest nur, wer darf
    Angenommen eine Tabelle mit 3 Buchungen
    Und das Ziel ist ein Ordner
    Wenn sie exportiert wird
    Dann hat der Ordner die Rechte 0750 und jede Datei 0640

  Szenario: Eine fehlende Tabelle wird beim Namen genannt, und nichts entsteht
    Wenn eine Tabelle exportiert wird, die es nicht gibt
    Dann nennt die Meldung die Tabelle
    Und am Ziel liegt keine Datei
