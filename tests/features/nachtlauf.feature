# language: de
Funktionalität: Der ganze Nachtlauf
  Jede Nacht wird die Liste neu aufgebaut, geprüft und veröffentlicht. Wer sie liest, sieht immer einen ganzen,
  geprüften Stand.

  Szenario: Beide Systeme, mit dem Beispielbestand
    Angenommen das Lager mit dem Beispielbestand
    Wenn der Nachtlauf läuft
    Dann ist er gelungen
    Und veröffentlicht sind "bookkeeper_results, customer/oibl, tripica_results"
    Und die Liste "customer/oibl" hat 1538 Zeilen, wie vorausberechnet
    Und das Protokoll nennt Dauer, Zeilen, Dateien und Bytes
    Und im Berichtsschema liegen nur noch Ergebnisse, Verlauf und Laufbuch
    Und keine Verbindung zur Datenbank ist mehr offen

  Szenario: Nur das System bookkeeper
    Angenommen ein kleiner Bestand mit 120 Buchungen
    Wenn der Nachtlauf nur mit dem System "bookkeeper" läuft
    Dann ist er gelungen
    Und veröffentlicht sind "bookkeeper_results"
    Und die Schritte des Systems "tripica" sind als ausgelassen zu sehen

  Szenario: Ein ausgelassenes System und kleinere Dateien auf Wunsch
    Angenommen ein kleiner Bestand mit 120 Buchungen
    Wenn der Nachtlauf ohne das System "tripica" läuft, mit höchstens 50 Zeilen je Datei
    Dann ist er gelungen
    Und veröffentlicht sind "bookkeeper_results"
    Und "bookkeeper_results" hat Dateien mit 50, 50 und 20 Zeilen

  Szenario: tripica allein geht nicht, denn es rechnet mit den Buchungen von bookkeeper
    Angenommen ein kleiner Bestand mit 120 Buchungen
    Wenn der Nachtlauf nur mit dem System "tripica" läuft
    Dann ist er gescheitert
    Und das Protokoll erklärt "system tripica reads tables of bookkeeper: run both, or leave out tripica as well"
    Und veröffentlicht ist nichts

  Szenario: Scheitert der Aufbau, wird nichts exportiert
    Angenommen ein kleiner Bestand mit 120 Buchungen
    Und der Nachtlauf ist einmal gelungen
    Und das Skript "init/tripica/010_liste.sql" ist fehlerhaft
    Wenn der Nachtlauf läuft
    Dann ist er gescheitert
    Und kein Schritt von "audits, release, export, publish, history" hat begonnen
    Und veröffentlicht ist noch der vorige Stand, Byte für Byte
    Und keine Verbindung zur Datenbank ist mehr offen

  Szenario: Stimmt die Liste nicht, wird nichts exportiert
    Angenommen ein kleiner Bestand mit 120 Buchungen
    Und das Skript "audits/bookkeeper/100_summe.sql" findet eine falsche Buchung
    Wenn der Nachtlauf läuft
    Dann ist er gescheitert
    Und kein Schritt von "release, export, publish, history" hat begonnen
    Und veröffentlicht ist nichts

  Szenario: Derselbe Bestand ergibt dieselben Dateien
    Angenommen ein kleiner Bestand mit 120 Buchungen
    Wenn der Nachtlauf läuft
    Und der Nachtlauf noch einmal läuft
    Dann ist er gelungen
    Und die Dateien beider Läufe sind Byte für Byte gleich
    Und es ist aufgeräumt: die Zwischentabelle "report_oibl.zwischen" gibt es nicht mehr

  Szenario: Ein Probelauf veröffentlicht nichts
    Angenommen ein kleiner Bestand mit 120 Buchungen
    Wenn der Nachtlauf als Probelauf läuft
    Dann ist er gelungen
    Und veröffentlicht ist nichts
    Und das Protokoll erklärt "dry run"
    Und im Laufbuch steht, dass es 360 Zeilen in 3 Dateien gewesen wären

  Szenario: Ein Tippfehler beim Start wird bemerkt
    Angenommen ein kleiner Bestand mit 120 Buchungen
    Wenn der Nachtlauf mit dem unbekannten Parameter "sytems" gestartet wird
    Dann ist er gescheitert
    Und das Protokoll erklärt "unknown param sytems; did you mean systems?"
    Und veröffentlicht ist nichts

  @benchmark
  Szenario: Fünf Millionen Quellzeilen
    Angenommen ein erzeugter Bestand mit 5000000 Vorgängen
    Wenn der Nachtlauf läuft
    Dann ist er gelungen
    Und die Dateien haben höchstens 1000000 Zeilen
    Und das Protokoll nennt Dauer, Zeilen, Dateien und Bytes
