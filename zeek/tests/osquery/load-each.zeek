# @TEST-DOC: Every script of the package loads on its own and with all others, without a warning.
# @TEST-EXEC: cd $SCRIPTS && find osquery -name '*.zeek' ! -name __load__.zeek ! -path '*/framework/*' | sed 's/\.zeek$//' | sort >$OLDPWD/scripts
# @TEST-EXEC: for script in $(cat scripts); do zeek -a $script >>output 2>&1 || echo "$script fails" >>output; done
# @TEST-EXEC: zeek -a $(grep -v native scripts) >>output 2>&1
# @TEST-EXEC: zeek -b -a $(grep -v native scripts) >>output 2>&1
# @TEST-EXEC: test ! -s output
