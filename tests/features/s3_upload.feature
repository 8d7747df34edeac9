# language: de
Funktionalität: Veröffentlichen in S3
  Die Dateien erscheinen im Bucket alle zusammen oder gar nicht. Vorübergehende Störungen merkt niemand.

  Szenario: Eine Datei wird veröffentlicht
    Angenommen eine Tabelle mit 3 Buchungen
    Wenn sie veröffentlicht wird
    Dann liegen im Bucket die Dateien "enercity/prod/buchungen_0000.csv"
    Und das Verzeichnis "_manifest.json" nennt 1 Datei mit 3 Buchungen

  Szenario: Viele Dateien werden zusammen veröffentlicht
    Angenommen eine Tabelle mit 1150 Buchungen
    Wenn sie mit höchstens 100 Zeilen je Datei veröffentlicht wird
    Dann liegen im Bucket 12 Dateien
    Und das Verzeichnis "_manifest.json" nennt 12 Dateien mit 1150 Buchungen

  Szenario: Vor dem Veröffentlichen ist nichts zu sehen
    Angenommen eine Tabelle mit 1150 Buchungen
    Wenn alle Dateien geschrieben, aber noch nicht veröffentlicht sind
    Dann ist der Bucket leer

  Szenario: Nach einer vorübergehenden Störung geht es von selbst weiter
    Angenommen eine Tabelle mit 3 Buchungen
    Und S3 antwortet auf die nächsten 2 Schreibversuche mit "503 Slow Down"
    Wenn sie veröffentlicht wird
    Dann das Verzeichnis "_manifest.json" nennt 1 Datei mit 3 Buchungen
    Und S3 wurde 3 Mal um dasselbe gebeten

  Szenario: Zwischen den Versuchen wird gewartet, bei jedem weiteren darf es doppelt so lange sein
    Angenommen eine Tabelle mit 3 Buchungen
    Und S3 antwortet auf die nächsten 4 Schreibversuche mit "503 Slow Down"
    Wenn sie veröffentlicht wird
    Dann wurde vor den weiteren Versuchen höchstens 1, 2, 4 und 8 Sekunden gewartet

  Szenario: Bei einer dauernden Störung bleibt der vorige Stand unberührt
    Angenommen eine Tabelle mit 3 Buchungen ist veröffentlicht
    Und S3 antwortet auf jeden Schreibversuch mit "501 Not Implemented"
    Wenn sie noch einmal veröffentlicht werden soll
    Dann scheitert das
    Und das Verzeichnis "_manifest.json" nennt noch den vorigen Stand
    Und kein angefangener Upload bleibt liegen

  Szenario: Ein fehlendes Recht wird genannt und nicht wiederholt
    Angenommen eine Tabelle mit 3 Buchungen
    Und S3 antwortet auf jeden Schreibversuch mit "403 Access Denied"
    Wenn sie veröffentlicht werden soll
    Dann scheitert das mit "AccessDenied"
    Und S3 wurde 1 Mal um dasselbe gebeten

  Szenario: Eine Datei von 500 MB passt durch, ohne Speicher oder Platte zu füllen
    Angenommen eine Abfrage, deren Datei 500 MB groß ist
    Wenn sie veröffentlicht wird
    Dann ist die Datei im Bucket mindestens 500 MB groß
    Und der Speicherbedarf stieg um weniger als 150 MB
