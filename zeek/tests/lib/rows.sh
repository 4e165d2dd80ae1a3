#!/bin/sh
# The lines "# rows: AT HOST CHANGE WHAT ARGUMENTS" of a test as the file that play.zeek reads.
printf '#separator \\x09\n#fields\tat\thost\tchange\twhat\targs\n'
sed -nE 's/^# rows: ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) (.*)$/\1\t\2\t\3\t\4\t\5/p'
