# language: de
Funktionalität: Verbindung zur Datenbank
  Eine Störung von Sekunden soll niemanden wecken, ein falsches Passwort dagegen sofort auffallen.

  Szenario: Die Datenbank ist erst beim dritten Versuch erreichbar
    Angenommen ein kleiner Bestand mit 120 Buchungen
    Und die Datenbank nimmt die ersten 2 Verbindungen nicht an
    Wenn der Nachtlauf läuft
    Dann ist er gelungen
    Und der erste Schritt hat 3 Versuche gebraucht

  Szenario: Nach dem letzten Versuch scheitert der Lauf und sagt, woran
    Angenommen ein kleiner Bestand mit 120 Buchungen
    Und die Datenbank nimmt keine Verbindung an
    Wenn der Nachtlauf läuft
    Dann ist er gescheitert
    Und der erste Schritt hat 3 Versuche gebraucht
    Und das Protokoll erklärt "cannot be reached"
    Und veröffentlicht ist nichts

  Szenario: Falsche Anmeldedaten werden nicht noch einmal versucht
    Angenommen ein kleiner Bestand mit 120 Buchungen
    Und der Benutzer der Datenbank heißt "niemand"
    Wenn der Nachtlauf läuft
    Dann ist er gescheitert
    Und der erste Schritt hat 1 Versuch gebraucht
    Und das Protokoll erklärt "does not exist"

  Szenario: Nach einem Fehler im Skript bleibt keine Verbindung und keine Sperre zurück
    Angenommen ein kleiner Bestand mit 120 Buchungen
    Und das Skript "init/bookkeeper/020_liste.sql" ist fehlerhaft
    Wenn der Nachtlauf läuft
    Dann ist er gescheitert
    Und keine Verbindung zur Datenbank ist mehr offen
    Und keine Sperre ist mehr gesetzt

  Szenario: Jede Verbindung sagt, zu welchem Lauf und Schritt sie gehört
    Angenommen ein kleiner Bestand mit 120 Buchungen
    Und ein Skript schreibt auf, wie sich seine Verbindung nennt
    Wenn der Nachtlauf läuft
    Dann nennt sie den Mandanten und den Schritt
